"""What a site's own form needs: the newsletters, and a sign-up with its double opt-in."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from digest.editions.archive_store import latest_shown
from digest.people.model import Scope
from digest.web.api.call import Call, call_of
from digest.web.api.problems import ProblemError, bad_address, in_field
from digest.web.api.route import ApiRoute, needs
from digest.web.api.showing import masks_of, newsletter_shown, newsletters_in, topics_of
from digest.web.api.values import NewsletterList, SignupRequest, SignupTaken
from digest.web.archive import PUBLIC
from digest.web.evened import evened
from digest.web.welcoming import welcome_of
from subscribers import signup
from subscribers.address import AddressProblem, AddressRefusedError, read_address, typo_hint

router = APIRouter(route_class=ApiRoute, tags=["Sign-up"])


@router.get("/newsletters", openapi_extra=needs(None))
def list_newsletters(request: Request) -> NewsletterList:
    """List the newsletters.

    Any token will do. One that may only sign up sees those that anybody may ask for.
    """
    call = call_of(request)
    every = call.token.scopes != {Scope.SIGNUP}
    shown = call.context.newsletters if every else call.context.offered
    language = call.context.site.language
    return NewsletterList(
        newsletters=[newsletter_shown(each, site_language=language) for each in shown]
    )


@router.post("/signups", status_code=202, openapi_extra=needs(Scope.SIGNUP))
async def sign_up(request: Request, body: SignupRequest) -> SignupTaken:
    """Take a sign-up from a form of the site's own.

    The answer is the same, and takes as long, for an address we know, do not know, or never mail.
    Who is new gets one mail to confirm; a second within the hour waits until it is over. Send the
    visitor's `ip`: without it only the limit for everybody counts.
    """
    call = call_of(request)
    work = run_in_threadpool(_subscribe, call, body)
    return await evened(work, floor=call.context.answer_after)


def _subscribe(call: Call, body: SignupRequest) -> SignupTaken:
    context = call.context
    newsletters = newsletters_in(call, body.newsletters, offered=True)
    with context.database.read() as connection:
        topics = {each.id: topics_of(connection, each) for each in newsletters}
        latest = latest_shown(connection, context.names, PUBLIC)
    try:
        signup.subscribe(
            context.database,
            body.address,
            [each.id for each in newsletters],
            call.act(ip=body.ip, text=body.text, source=body.source or ""),
            keys=context.keys,
            newsletter_names=context.names,
            confirm_link=lambda token: f"{context.site.public_url}/confirm/{token}",
            policy=context.policy,
            wishes=signup.Wishes(
                topics=masks_of(body.topics, newsletters, topics), language=body.language or ""
            ),
            welcome=welcome_of(context, latest, call.now),
        )
    except AddressRefusedError as error:
        raise _refused(error, body.address) from error
    call.note("signup", "", newsletters=body.newsletters)
    return SignupTaken()


def _refused(error: AddressRefusedError, text: str) -> ProblemError:
    """Ask for what was meant: services for throw-away mail sit on the misspelt names of others."""
    if error.problem is AddressProblem.DISPOSABLE and (meant := typo_hint(read_address(text))):
        return in_field("/address", f"Did you mean {meant}?", hint=error.hint)
    return bad_address(error, pointer="/address")
