"""Images are encoded while their frame waits for the other inputs, in the running node."""

BOTH = ['rgb', 'depth']


def test_what_comes_early_is_encoded_early_and_gives_the_same_masks(driver, scene):
    driver.settle('RD')
    used = lambda: int(driver.value('ahead_used'))  # noqa: E731

    def staggered():
        stamp = driver.publish(['rgb'])
        driver.spin(0.04)
        driver.publish(['depth'], stamp)

    driver.forget_masks()
    before = used()
    driver.drive_until([], lambda: used() >= before + 5, publish=staggered)
    assert scene.rests_on(driver.masks[-1]) == 'RD'
    assert driver.set_parameters(encode_ahead=False).successful
    try:
        driver.next_masks(BOTH, 5)
        settled = used()
        driver.forget_masks()
        driver.drive_until([], lambda: len(driver.masks) >= 8, publish=staggered)
        driver.spin(0.3)
        assert used() == settled
        assert scene.rests_on(driver.masks[-1]) == 'RD'
    finally:
        assert driver.set_parameters(encode_ahead=True).successful


def test_an_offset_does_not_hide_what_was_encoded_early(driver, scene):
    """The stamp by which the frame asks for an image is the corrected one."""
    driver.settle('RD')
    assert driver.set_parameters(depth__offset=0.02).successful
    try:
        before = int(driver.value('ahead_used'))

        def staggered():
            late = driver.stamp(0.02)
            stamp = driver.stamp()
            driver.publish(['depth'], late)
            driver.spin(0.04)
            driver.publish(['rgb'], stamp)

        driver.drive_until(
            [], lambda: int(driver.value('ahead_used')) >= before + 5, publish=staggered
        )
        assert scene.rests_on(driver.masks[-1]) == 'RD'
    finally:
        assert driver.set_parameters(depth__offset=0.0).successful


def test_the_times_and_the_backend_are_told(driver):
    driver.settle('RD')
    latency, response, rest = (
        float(driver.value(f'{key}_ms_p50')) for key in ('latency', 'response', 'rest')
    )
    assert 0 < rest < response <= latency
    assert float(driver.value('response_ms_p99')) >= response
    assert driver.value('backend') in ('torch', 'onnxruntime', 'openvino')
