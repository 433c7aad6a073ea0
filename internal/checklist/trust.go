package checklist

import (
	"cmp"
	"slices"
	"strings"
)

func trustChecks() []check {
	const page = "docs/how-to/review-a-change.md"
	return []check{
		{Entry{
			"trust.first_use", "A person decides about what was never seen before",
			"set trust.first_use: hold, and decide with doorward trust list and approve", page,
		}, (*subject).firstUse},
		{Entry{
			"trust.reviewed", "Everything that upstreams offer was reviewed",
			"look at it and decide: doorward trust list, show and approve or reject", page,
		}, (*subject).reviewed},
		{Entry{
			"trust.changed", "Nothing changed since it was approved",
			"see what changed and decide: doorward trust diff, then approve or reject", page,
		}, (*subject).changed},
		{Entry{
			"trust.lock_file", "The lock file is there, and its owner alone writes it",
			"commit the lock file where the configuration is, and chmod go-w it: whoever writes it approves", "docs/reference/lock-file.md",
		}, (*subject).lockFile},
		{Entry{
			"settings.weakened", "No choice, switch or rule is weaker than its default (numbers are not compared)",
			"take the setting out, or say beside it why it has to be so", "docs/reference/configuration.md",
		}, (*subject).weakened},
	}
}

// weakened says of every setting that asks for less than it would unless written; what other items judge is among them.
func (s *subject) weakened(a *answer) {
	for _, f := range s.cfg.Weakened() {
		a.warn(f.Path, "%s", f.Text)
	}
	a.otherwise("", "none is")
}

func (s *subject) firstUse(a *answer) {
	if s.cfg.Trust.FirstUse != "hold" {
		a.fail("trust.first_use", "is %s: whatever an upstream offers first is used, unseen", s.cfg.Trust.FirstUse)
		return
	}
	a.pass("trust.first_use", "is hold")
}

// tally counts the definitions of each configured upstream by state.
func (s *subject) tally() map[string]map[string]int {
	n := map[string]map[string]int{}
	for name := range s.cfg.Upstreams {
		n[name] = map[string]int{}
	}
	for _, d := range s.state.Definitions {
		if n[d.Upstream] != nil {
			n[d.Upstream][d.State]++
		}
	}
	return n
}

// pinned hands over every upstream with its definitions by state.
func (s *subject) pinned(a *answer, do func(path, name string, n map[string]int)) {
	if len(s.cfg.Upstreams) == 0 {
		a.none("upstreams", "there is no upstream")
		return
	}
	if s.unread(a) {
		return
	}
	for name, n := range ordered(s.tally()) {
		do("upstreams."+name, name, n)
	}
}

func (s *subject) reviewed(a *answer) {
	approved, rejected := 0, 0
	s.pinned(a, func(path, name string, n map[string]int) {
		approved, rejected = approved+n["approved"], rejected+n["rejected"]
		switch {
		case n["held"] > 0:
			a.warn(path, "of %s wait for a decision, and are withheld: %d (%s)", name, n["held"], s.some(name, "held"))
		case n["approved"]+n["rejected"]+n["changed"] == 0:
			a.warn(path, "nothing that %s offers was seen yet", name)
		}
	})
	a.otherwise("", "definitions: %d approved, %d rejected and withheld", approved, rejected)
}

func (s *subject) changed(a *answer) {
	s.pinned(a, func(path, name string, n map[string]int) {
		if n["changed"] > 0 {
			a.fail(path, "of %s differ from what was approved, and are withheld: %d (%s)", name, n["changed"], s.some(name, "changed"))
		}
	})
	a.otherwise("", "what upstreams were last seen to offer is what was approved")
}

// some names a few definitions of an upstream in a state.
func (s *subject) some(upstream, state string) string {
	const few = 5
	var all []string
	for _, d := range s.state.Definitions {
		if d.Upstream == upstream && d.State == state {
			all = append(all, strings.TrimSpace(d.Kind+" "+d.Name))
		}
	}
	slices.SortFunc(all, cmp.Compare[string])
	if len(all) > few {
		all = append(all[:few], "…")
	}
	return strings.Join(all, ", ")
}

func (s *subject) lockFile(a *answer) {
	const everybody, group = 0o002, 0o020
	switch f := s.state.Lock; {
	case len(s.cfg.Upstreams) == 0:
		a.none("trust.lock", "there is no upstream")
	case !f.Exists:
		a.warn("trust.lock", "%s is not there: nothing is approved", f.Path)
	case f.Mode.Perm()&everybody != 0:
		a.fail("trust.lock", "everybody on this machine may write %s (mode %04o)", f.Path, f.Mode.Perm())
	case f.Mode.Perm()&group != 0:
		a.warn("trust.lock", "a group may write %s (mode %04o)", f.Path, f.Mode.Perm())
	default:
		a.pass("trust.lock", "%s has mode %04o", f.Path, f.Mode.Perm())
	}
}
