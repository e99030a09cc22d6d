"""Parameters that count at once, on a running node."""


def test_a_disabled_input_is_let_go_and_comes_back(driver, scene):
    driver.settle('RD')
    assert driver.set_parameters(depth__enabled=False).successful
    driver.drive_until(['rgb', 'depth'], lambda: driver.value('subset') == 'R')
    assert driver.message('depth') == 'disabled by parameter'
    assert driver.node.count_subscribers('/depth/image_rect') == 0
    # It is off on purpose: nothing to complain about.
    assert 'depth' not in driver.message()
    assert scene.rests_on(driver.next_masks(['rgb', 'depth'])[-1]) == 'R'
    assert driver.set_parameters(depth__enabled=True).successful
    driver.settle('RD')


def test_a_longer_timeout_keeps_a_slow_sensor_alive(driver):
    driver.settle('RD')
    assert driver.set_parameters(depth__timeout=30.0).successful
    frames = []
    driver.drive_until(
        [], lambda: len(frames) > 20, publish=lambda: frames.append(driver.publish(['rgb']))
    )
    assert driver.value('alive') == 'RD'
    # A whole number will do.
    assert driver.set_parameters(depth__timeout=1).successful
    assert driver.set_parameters(depth__timeout=0.4).successful
    driver.drive_until(['rgb'], lambda: driver.value('alive') == 'R')


def test_a_wider_tolerance_or_an_offset_fuses_what_was_too_far(driver, scene):
    driver.settle('RD')
    # The stamps of depth lie 0.25 s behind: not the moment, only the label is wrong.
    label = -0.25

    def late():
        driver.publish(['depth'], driver.stamp(label))

    driver.drive_until(['rgb'], lambda: driver.value('subset') == 'R', publish=late)
    for values, undo in (
        ({'depth__tolerance': 0.4}, {'depth__tolerance': 0.05}),
        ({'depth__offset': label}, {'depth__offset': 0.0}),
    ):
        assert driver.set_parameters(**values).successful
        driver.drive_until(['rgb'], lambda: driver.value('subset') == 'RD', publish=late)
        driver.forget_masks()
        driver.drive_until(['rgb'], lambda: len(driver.masks) >= 3, publish=late)
        assert scene.rests_on(driver.masks[-1]) == 'RD'
        assert driver.set_parameters(**undo).successful
        driver.drive_until(['rgb'], lambda: driver.value('subset') == 'R', publish=late)
