package checklist

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"doorward/internal/gate"
	"doorward/internal/policy"
)

// verbs are those of what cannot be taken back, or reaches others.
const verbs = "delete remove drop destroy purge truncate wipe erase exec execute eval shell spawn kill " +
	"write overwrite upload send publish merge push deploy transfer pay refund withdraw grant"

// minStem is the shortest verb that also counts at the beginning of a longer word,
// as in deletefile.
const minStem = 4

// danger is the verb in a tool's name; empty when there is none.
func danger(name string) string {
	for i, word := range parts(name) {
		for verb := range strings.FieldsSeq(verbs) {
			if word == verb || i == 0 && len(verb) >= minStem && strings.HasPrefix(word, verb) {
				return verb
			}
		}
	}
	return ""
}

// parts are the words of a name, in lower case: delete_file, deleteFile and
// delete-file have the same.
func parts(name string) []string {
	var b strings.Builder
	lower := false
	for _, c := range name {
		switch {
		case !unicode.IsLetter(c) && !unicode.IsDigit(c):
			c, lower = ' ', false
		case unicode.IsUpper(c) && lower:
			b.WriteByte(' ')
		}
		lower = unicode.IsLower(c) || unicode.IsDigit(c)
		b.WriteRune(unicode.ToLower(c))
	}
	return strings.Fields(b.String())
}

// tool is a tool whose name says that it is risky.
type tool struct{ upstream, name, verb string }

// riskyTools are those that upstreams were seen to offer and, of upstreams of which
// no tool was seen, those that rules name.
func (s *subject) riskyTools() []tool {
	var all []tool
	add := func(upstream, name string) {
		if verb := danger(name); verb != "" {
			all = append(all, tool{upstream, name, verb})
		}
	}
	seen := map[string]bool{}
	for _, d := range s.state.Definitions {
		if _, ok := s.cfg.Upstreams[d.Upstream]; !ok || d.Kind != gate.Tool.String() {
			continue
		}
		seen[d.Upstream] = true
		if d.State != "rejected" {
			add(d.Upstream, d.Name)
		}
	}
	for _, r := range s.rules() {
		for _, glob := range r.Tools {
			upstream, name, _ := strings.Cut(glob, "/")
			if !r.deny && !seen[upstream] && !strings.ContainsAny(upstream+strings.Trim(name, "*"), `*?[]{}\`) {
				add(upstream, strings.Trim(name, "*"))
			}
		}
	}
	slices.SortFunc(all, func(a, b tool) int { return strings.Compare(a.upstream+"/"+a.name, b.upstream+"/"+b.name) })
	return slices.Compact(all)
}

// risky asks policy, for each role and each such tool, which rules open it, and
// warns of one that asks for nothing more.
func (s *subject) risky(a *answer) {
	if s.unwritten(a) {
		return
	}
	made, _ := policy.Compile(s.cfg.PolicySource())
	if made == nil {
		a.fail("roles", "the policy does not compile")
		return
	}
	tools, rules := s.riskyTools(), s.rules()
	for role := range ordered(s.cfg.Roles) {
		for _, t := range tools {
			if path := s.unguarded(made, role, t, rules); path != "" {
				a.warn(path, "%s may call %s/%s (%s), whatever its arguments say", role, t.upstream, t.name, t.verb)
			}
		}
	}
	s.unread(a)
	a.otherwise("", "tools with such a name: %d, each closed or guarded", len(tools))
}

// unguarded is the first rule by which the role has the tool without where, when
// or approval; empty when there is none, or a deny or a person may still stand in
// the way.
func (s *subject) unguarded(made *policy.Policy, role string, t tool, rules []rule) string {
	trace := policy.Trace{}
	d := made.Judge(&policy.Question{
		Who: &gate.Principal{Roles: []string{role}}, Kind: gate.Tool, Upstream: t.upstream, Name: t.name, Now: s.state.Now, Trace: &trace,
	})
	if d.Reason == policy.ReasonDenied {
		return ""
	}
	found := ""
	for _, tried := range trace.Tried {
		r := written(rules, tried.Rule)
		switch {
		case r == nil:
		case r.deny && r.Mode == "observe":
		case r.deny: // with a condition: it depends on the call
			return ""
		case r.Mode == "approve" && r.When == "" && r.Where == nil:
			return ""
		case r.Mode == "approve" || r.Mode != "observe" && (r.When != "" || r.Where != nil):
		case found == "":
			found = r.path
		}
	}
	return found
}

// written is the rule that a decision names ("roles.a.allow[0].tools[1]: x/*").
func written(rules []rule, name string) *rule {
	for i := range rules {
		if strings.HasPrefix(name, fmt.Sprintf("%s.", rules[i].path)) {
			return &rules[i]
		}
	}
	return nil
}
