"""Makes ``python -m lava_predict`` the command."""

from lava_predict.cli.app import main

main()
