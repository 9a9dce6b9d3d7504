# Every verb of dev.py, for fingers used to make:  make test ARGS="-k feed"
VERBS := demo test check serve bench kill fuzz soak year letters caniemail messages screenshots lock setup
PYTHON ?= python3

help:
	@$(PYTHON) dev.py --help

$(VERBS):
	@$(PYTHON) dev.py $@ $(ARGS)

.PHONY: help $(VERBS)
