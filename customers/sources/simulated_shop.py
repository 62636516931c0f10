"""placeholder"""


def lay_over(source, *, now):
    pass
