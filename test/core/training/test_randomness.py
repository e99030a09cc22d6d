"""derived_seed."""

from itertools import product

import torch

from robustseg_core.training.randomness import Purpose, derived_seed


def test_every_purpose_and_place_has_a_number_of_its_own() -> None:
    # Places of one purpose have the same number of parts: trailing zeros would not count.
    places = [
        (seed, *where) for seed, *where in product((0, 1, 3407), Purpose, range(5), range(5))
    ]
    numbers = {derived_seed(*place) for place in places}
    assert len(numbers) == len(places) == 3 * len(Purpose) * 25


def test_the_same_place_has_the_same_number() -> None:
    assert derived_seed(0, Purpose.ORDER, 3, 4) == derived_seed(0, Purpose.ORDER, 3, 4)


def test_numbers_are_seeds_that_torch_takes() -> None:
    for where in range(50):
        number = derived_seed(7, Purpose.NETWORK, where)
        assert 0 <= number < 2**63
        torch.Generator().manual_seed(number)
