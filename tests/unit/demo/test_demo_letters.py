from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from digest.demo.letters import visible_text


def test_the_words_of_a_letter_leave_out_its_head_and_styles() -> None:
    html = (
        "<head><title>T</title><style>p{}</style></head><body><p>One</p><script>x()</script>"
        "<template>no</template><p>two&nbsp;&amp; three"
    )
    assert visible_text(html).split() == ["One", "two", "&", "three"]


@given(st.text())
def test_any_text_can_be_read_as_html(text: str) -> None:
    assert isinstance(visible_text(text), str)
