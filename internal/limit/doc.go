// Package limit is the stage that says how much is too much: requests by the address
// that they come from, before anything of them is looked at, and what is asked for by
// caller, key, tenant, tool, upstream and profile once it is known to be allowed. All
// that one exchange counts against is taken in one decision, or nothing of it is.
//
// A budget is so many in any span of a length, and not so many by the clock: there is no
// edge at which twice as much passes. Where the budgets are kept is somebody else's
// business (Budgets); when they cannot be asked, the stage refuses.
package limit
