"""The claims of Yamada & Chao (arXiv:2510.14382): what is run, what is measured, by which rule it is judged.

``studies`` holds what is run, a unit of work at a time; ``claims`` what is made of the results.
"""
