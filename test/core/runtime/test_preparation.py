"""What is kept of what took long to make."""

from robustseg_core.runtime.preparation import UsedLast


def test_what_was_used_longest_ago_is_let_go_and_made_again():
    kept, made = UsedLast(2), []

    def use(key):
        return kept.find(key, lambda: made.append(key) or key.upper())

    assert [use(key) for key in 'abacab'] == list('ABACAB')
    assert made == ['a', 'b', 'c', 'b']
    assert len(kept) == 2


def test_what_could_not_be_made_is_not_kept():
    kept = UsedLast(2)
    try:
        kept.find('a', lambda: 1 // 0)
    except ZeroDivisionError:
        assert not kept
    assert kept.find('a', lambda: 5) == 5
