package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"doorward/internal/admin"
)

// trustDecide makes approve and reject: the same choice of items, the other
// answer. What is decided is bound to the digests that were observed.
func (r *run) trustDecide(verb string) *cobra.Command {
	var kind string
	var accept []string
	var dryRun, all, quick bool
	c := &cobra.Command{
		Use:   verb + " UPSTREAM [NAME…]",
		Short: map[string]string{"approve": "Approve what an upstream was last seen to offer (trust list, show and diff)", "reject": "Reject definitions: they stay withheld"}[verb],
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && !all {
				return fmt.Errorf("%s what? name an upstream, or say --all", verb)
			}
			named := len(args) > 1 || single(kind)
			if len(accept) > 0 && !named {
				return errors.New("--accept is for definitions that you name: doorward trust approve UPSTREAM NAME --accept RULE")
			}
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, actor string) error {
				entries, err := offered(ctx, op, first(args))
				if err != nil {
					return err
				}
				chosen, err := choose(entries, args, kind)
				if err != nil {
					return err
				}
				d := decision{verb: verb, actor: actor, chosen: chosen, dryRun: dryRun, accept: accept}
				if quick {
					d.onlyQuick()
				}
				if verb == "approve" {
					d.leaveOut(named)
				}
				return r.decide(ctx, op, d)
			})
		},
	}
	c.Flags().StringVar(&kind, "kind", "", "only this kind: tool, prompt, resource, template, instructions, server, command")
	if verb == "approve" {
		c.Flags().StringSliceVar(&accept, "accept", nil, "`RULE` whose finding you have read and accept, for the definitions that you name; comma-separated or repeated")
		c.Flags().BoolVar(&quick, "quick", false, "only changes of which nothing but wording changed, and in which nothing was found (trust diff says which); exit 3 when others are left")
	}
	c.Flags().BoolVar(&dryRun, "dry-run", false, "show what would be decided and change nothing")
	c.Flags().BoolVar(&all, "all", false, "everything of every upstream")
	return c
}

// offered is what an upstream was last seen to offer: what a person who decides
// has looked at. One that nobody has looked at yet is asked now.
func offered(ctx context.Context, op admin.Operator, upstream string) ([]admin.Entry, error) {
	entries, err := op.Entries(ctx, admin.Review{Upstream: upstream})
	if err != nil || len(entries) > 0 {
		return entries, err
	}
	return op.Entries(ctx, admin.Review{Upstream: upstream, Refresh: true})
}

type decision struct {
	verb, actor string
	chosen      []admin.Entry
	dryRun      bool
	accept      []string      // rules
	left        []admin.Entry // that only a person who has read what was found in them can approve
	slow        []admin.Entry // that --quick does not take
}

// onlyQuick takes out of what was chosen what needs reading.
func (d *decision) onlyQuick() {
	d.chosen = slices.DeleteFunc(d.chosen, func(e admin.Entry) bool {
		if !e.Quick {
			d.slow = append(d.slow, e)
		}
		return !e.Quick
	})
}

// leaveOut takes out of what was chosen what has a finding that blocks it and is
// not accepted, or that asks for a look at it and was not named.
func (d *decision) leaveOut(named bool) {
	d.chosen = slices.DeleteFunc(d.chosen, func(e admin.Entry) bool {
		blocked := slices.ContainsFunc(e.Blocks, func(rule string) bool { return !slices.Contains(d.accept, rule) })
		if blocked || e.Holds && !named {
			d.left = append(d.left, e)
			return true
		}
		return false
	})
}

// hints says how to approve what was left out.
func (d *decision) hints() []string {
	var lines []string
	for _, e := range d.slow {
		lines = append(lines, fmt.Sprintf("%s %s/%s needs reading (doorward trust diff %s) and is left out", e.Kind, e.Upstream, visible(e.Name), e.Upstream))
	}
	for _, e := range d.left {
		command := fmt.Sprintf("doorward trust approve %s %s", e.Upstream, visible(e.Name))
		if e.Name == "" {
			command = fmt.Sprintf("doorward trust approve %s --kind %s", e.Upstream, e.Kind)
		}
		if len(e.Blocks) > 0 {
			command += " --accept " + visible(strings.Join(e.Blocks, ","))
		}
		lines = append(lines, fmt.Sprintf("%s %s/%s is left out for what was found in it: %s; read it (doorward trust show), then: %s",
			e.Kind, e.Upstream, visible(e.Name), visible(strings.Join(e.Rules, ", ")), command))
	}
	return lines
}

func (r *run) decide(ctx context.Context, op admin.Operator, d decision) error {
	if !d.dryRun && len(d.chosen) > 0 {
		refs := make([]admin.Ref, 0, len(d.chosen))
		for _, e := range d.chosen {
			refs = append(refs, admin.Ref{Upstream: e.Upstream, Kind: e.Kind, Name: e.Name, Digest: e.Digest, Accept: d.accept})
		}
		act, state := op.Approve, "approved"
		if d.verb == "reject" {
			act, state = op.Reject, "rejected"
		}
		if _, err := act(ctx, d.actor, refs); err != nil {
			return err
		}
		for i := range d.chosen {
			d.chosen[i].State = state
		}
	}
	if err := r.putEntries(d.chosen); err != nil {
		return err
	}
	switch {
	case len(d.chosen) == 0:
		r.say("nothing to %s", d.verb)
	case d.dryRun:
		r.say("%d would be decided; nothing was changed", len(d.chosen))
	default:
		r.say("%d %s", len(d.chosen), d.chosen[0].State)
		r.sayLeft(ctx, op, &d)
	}
	if len(d.left)+len(d.slow) > 0 {
		return &exit{code: exitFindings, err: errors.New(strings.Join(d.hints(), "\ndoorward: "))}
	}
	return nil
}

// single tells whether an upstream has one definition of this kind, which then
// has no name to choose it by.
func single(kind string) bool {
	return kind == "server" || kind == "command" || kind == "instructions"
}

// choose picks the entries that still wait for a decision, or those named.
func choose(entries []admin.Entry, args []string, kind string) ([]admin.Entry, error) {
	names := []string{}
	if len(args) > 1 {
		names = args[1:]
	}
	chosen := []admin.Entry{}
	found := map[string]bool{}
	for _, e := range entries {
		if kind != "" && e.Kind != kind || e.Digest == "" {
			continue
		}
		named := slices.Contains(names, e.Name)
		if named {
			found[e.Name] = true
		}
		if named || len(names) == 0 && (single(kind) || waits(&e)) {
			chosen = append(chosen, e)
		}
	}
	for _, n := range names {
		if !found[n] {
			return nil, fmt.Errorf("upstream %s offers nothing named %q; see doorward trust list %s", args[0], n, args[0])
		}
	}
	return chosen, nil
}
