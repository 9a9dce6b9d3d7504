"""The command check: what is wrong with an edition, before anybody gets it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from digest.cli.opening import moment, opened
from digest.cli.output import json_option, mark, say, say_wrapped, show
from digest.cli.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digest.app import App
    from digest.checks.model import Finding, Report
    from digest.workflow.preview import Preview

_INDENT = " " * 8


@click.command()
@click.argument("edition", required=False)
@click.option(
    "--at", "at_text", metavar="TIME", help="As of a cut-off, past or to come: 2026-01-09T06:30."
)
@click.option("--network", is_flag=True, help="Ask links, pictures and the DNS, too.")
@click.option("--github", is_flag=True, help="Print annotations, as GitHub's workflows read them.")
@json_option
@click.pass_context
def check(
    ctx: click.Context,
    edition: str | None,
    *,
    at_text: str | None,
    network: bool,
    github: bool,
    as_json: bool,
) -> None:
    """Check an edition: what blocks it, what an editor should look at, what passed.

    It is the newsletter's edition that waits or else the next, as `digest prepare` would make it
    now; without EDITION, of the newsletter that comes first. Nothing is written, nothing is sent.
    What a check blocks nobody can approve; [checks] in digest.toml lets it be, with a reason.
    Exit code 1 when something blocks.
    """
    with opened(ctx, read_only=True) as app:
        seen, report = _checked(app, edition, at_text, network=network)
        if github:
            for finding in report.findings:
                if line := annotation(finding):
                    click.echo(line)
        else:
            show(as_json, _facts(seen, report), lambda: _tell(seen, report))
    if report.blocks:
        ctx.exit(1)


def _checked(
    app: App, edition: str | None, at_text: str | None, *, network: bool
) -> tuple[Preview, Report]:
    from digest.cli.sight import meant
    from digest.composition.logo import read_logos
    from digest.composition.pictures import BorrowedShelf
    from digest.workflow.checking import check_facts, preview_facts
    from digest.workflow.network_check import check_network
    from digest.workflow.preview import preview

    newsletter, what = meant(app, edition, moment(app, at_text))
    shelf = BorrowedShelf(app.database)
    brand = app.settings.site.brand
    logos = read_logos(brand.logo, brand.logo_dark)
    for name, made in (("logo", logos.light), ("logo_dark", logos.dark)):
        if made is not None:
            shelf.keep(name, "logo", made.image, at=app.clock())
    seen = preview(app.newsroom, app.mailer, newsletter, what, shelf=shelf)
    facts = preview_facts(app.newsroom, app.mailer, seen, shelf=shelf)
    report = check_facts(app.newsroom, facts)
    if network:
        report = check_network(app.newsroom, app.mailer, facts, report)
    return seen, report


def annotation(finding: Finding) -> str:
    """Give the line by which a workflow of GitHub shows a finding; nothing for what is let be."""
    if finding.ignored:
        return ""
    level = {"block": "error", "warn": "warning", "info": "notice"}[finding.severity]
    title = _escaped(f"{finding.code} {finding.name}").replace(":", "%3A").replace(",", "%2C")
    language = f"{finding.language}: " if finding.language else ""
    return f"::{level} title={title}::{_escaped(f'{language}{finding.sentence} {finding.fix}')}"


def _escaped(text: str) -> str:
    for sign, code in (("%", "%25"), ("\r", "%0D"), ("\n", "%0A")):
        text = text.replace(sign, code)
    return text


def _tell(seen: Preview, report: Report) -> None:
    edition = seen.edition
    state = str(edition.state) if seen.exists else "as it would be made now"
    say_wrapped(
        f"{seen.newsletter.spec.name}, no. {edition.number:,}, {edition.address}: {state}",
        then="  ",
    )
    if seen.reason:
        say_wrapped(f"There is none to check. {seen.reason.rstrip('.')}.", then="  ")
    _tell_group("Blocks", "FAIL", report.blocks)
    _tell_group("Warnings", "warn", report.warnings)
    _tell_group("Worth knowing", "note", report.infos)
    _tell_group("Let be by the settings", "ok", report.ignored)
    say()
    parts = [f"{report.passed} ok", counted(len(report.warnings), "warning", "warnings")]
    if report.blocks:
        parts.append(f"{len(report.blocks)} that block it")
    if report.ignored:
        parts.append(f"{len(report.ignored)} let be")
    say(f"{', '.join(parts)}.")


def _tell_group(title: str, word: str, findings: Sequence[Finding]) -> None:
    if not findings:
        return
    say()
    say(title)
    for each in findings:
        language = f"{each.language}: " if each.language else ""
        mark(word, f"{language}{each.sentence}", name=f"{each.code}  ")
        remedy = f"Let be: {each.ignored}" if each.ignored else each.fix
        say_wrapped(remedy, first=_INDENT, then=_INDENT)


def _facts(seen: Preview, report: Report) -> dict[str, Any]:
    return {
        "newsletter": seen.newsletter.slug,
        "edition": seen.edition.address if seen.copies else None,
        "state": seen.edition.state if seen.exists else None,
        "reason": seen.reason,
        "blocked": bool(report.blocks),
        "passed": report.passed,
        "findings": [_finding(each) for each in report.findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    place = finding.place
    return {
        "code": finding.code,
        "name": finding.name,
        "family": finding.family,
        "severity": finding.severity,
        "sentence": finding.sentence,
        "fix": finding.fix,
        "language": finding.language or None,
        "ignored": finding.ignored or None,
        "place": {
            "part": place.part,
            "article_id": place.article_id,
            "story": place.number,
            "line": place.line,
            "quote": place.quote or None,
        },
    }
