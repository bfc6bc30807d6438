"""Static sizes in coarse steps, so that similar inputs share one compiled program."""


def bucket(n: int, minimum: int = 8) -> int:
    """The smallest size >= `n` of the form 2^k or 3 * 2^(k-1), at least `minimum`.

    Rounding up costs at most a half in padding, and a slowly growing size compiles only
    about twice per doubling.
    """
    size = minimum
    while size < n:
        half_step = size * 3 // 2
        if half_step >= n and half_step > size:
            return half_step
        size *= 2
    return size
