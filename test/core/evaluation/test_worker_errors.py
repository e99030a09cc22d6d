"""The line of an error, against what torch makes of one in a worker."""

import pytest
from torch.utils.data import DataLoader

from robustseg_core.errors import DataError
from robustseg_core.evaluation.worker_errors import error_line


class Broken:
    """A data set whose one frame cannot be read."""

    def __len__(self):
        return 1

    def __getitem__(self, index):
        try:
            int('robustseg_core.errors.DataError: not this')
        except ValueError as error:
            msg = 'rgb/0001.jpg: no picture;\n  wanted one.'
            raise DataError(msg) from error


@pytest.mark.parametrize('workers', [0, 1])
def test_it_is_the_same_wherever_the_error_was_raised(workers):
    with pytest.raises(DataError) as caught:
        list(DataLoader(Broken(), num_workers=workers))
    assert ('Traceback' in str(caught.value)) == bool(workers)
    assert error_line(caught.value) == 'rgb/0001.jpg: no picture; wanted one.'


def test_a_message_that_merely_speaks_of_errors_is_left_alone():
    message = 'x.log holds robustseg_core.errors.DataError: y'
    assert error_line(DataError(message)) == message
