// Package checklist judges a configuration, and what Doorward keeps beside it,
// before production: one item for each thing that should be so, with what was
// seen and where. The CLI gathers the State and calls Run for `doorward check`.
//
// It is pure: it reads no file, asks nobody and changes nothing. What it was not
// told it does not take for good: an item without its evidence warns.
package checklist
