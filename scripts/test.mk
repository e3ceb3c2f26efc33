# The parts of `make test`, and what each waits for. scripts/test.sh has them made side by side, and says what each does.
PARTS := tools browser compile worker panicking deployable unit native runtime page
.PHONY: parts $(PARTS)
parts: deployable unit native runtime page

worker unit: tools
native: tools compile
panicking deployable: worker
runtime: compile panicking
page: worker browser

$(PARTS):
	@scripts/test.sh $@
