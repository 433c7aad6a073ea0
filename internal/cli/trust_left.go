package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"doorward/internal/admin"
)

// sayLeft says what is left to do for upstreams of which no more was approved than how they
// are started or reached. Only now can they be asked, and what they offer, or have changed,
// waits for an approval of its own.
func (r *run) sayLeft(ctx context.Context, op admin.Operator, d *decision) {
	if d.verb != "approve" {
		return
	}
	alone := map[string]bool{}
	for _, e := range d.chosen {
		only, seen := alone[e.Upstream]
		alone[e.Upstream] = e.Kind == "command" && (only || !seen)
	}
	for _, name := range slices.Sorted(maps.Keys(alone)) {
		if !alone[name] {
			continue
		}
		entries, err := op.Entries(ctx, admin.Review{Upstream: name, Refresh: true})
		if err != nil {
			r.say("%s does not work, so what it offers is not known: %s\nmend that, and ask it again: doorward trust list %[1]s --refresh", name, visible(err.Error()))
			continue
		}
		if n := len(slices.DeleteFunc(entries, func(e admin.Entry) bool { return !waits(&e) })); n > 0 {
			r.say("%s was asked now: %d definitions wait for approval; look at them: doorward trust list %[1]s, and then: doorward trust approve %[1]s", name, n)
		}
	}
}

// waits tells whether a definition waits for a decision.
func waits(e *admin.Entry) bool {
	return e.State == "held" || e.State == "changed" || e.State == "flagged"
}

// unasked names the upstreams that have failed when they were asked. One that waits for a
// decision about how it is started or reached was not asked, and that is no failure;
// nor is a builtin server that answers while what it needs, a database, fails.
func unasked(ctx context.Context, op admin.Operator, upstream string) error {
	st, err := op.Status(ctx)
	if err != nil {
		return err
	}
	var failing []string
	for _, u := range st.Upstreams {
		if u.Error != "" && !u.Answers && (upstream == "" || upstream == u.Name) {
			failing = append(failing, visible(u.Name)+": "+visible(u.Error))
		}
	}
	if len(failing) > 0 {
		return failed(fmt.Errorf("%d upstreams could not be asked: %s", len(failing), strings.Join(failing, "; ")))
	}
	return nil
}
