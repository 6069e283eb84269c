"""Makes ``python -m lava_predict`` the command."""

from lava_predict.cli import main

main()
