package review

import (
	"maps"
	"slices"
	"strings"

	"doorward/internal/gate"
	"doorward/internal/policy"
	"doorward/internal/policy/condition"
)

// reached are the items with arguments, and the upstreams, that an allow or a deny
// matches.
func (v *view) reached(r *policy.Rule, deny bool) (items []int, upstreams []string) {
	one := []policy.Rule{*r}
	for _, e := range halfOf("", one, deny) {
		if e.kind == gate.Resource {
			continue
		}
		l := v.lens(e.pattern)
		items, upstreams = append(items, l.items...), append(upstreams, l.upstreams...)
	}
	slices.Sort(items)
	slices.Sort(upstreams)
	return slices.Compact(items), slices.Compact(upstreams)
}

// where tells of parts that judge nothing.
func (v *view) where(at string, r *policy.Rule) {
	if r.Where == nil {
		return
	}
	items, upstreams := v.reached(r, false)
	if len(upstreams) == 0 {
		return // told of already
	}
	for _, kind := range partsOf(r.Where) {
		path := at + ".where." + kind
		names := v.typed(upstreams, kind)
		if len(names) == 0 {
			v.add(Error, path, "give the parameters that it is for their type: upstreams."+upstreams[0]+".arguments: {NAME: "+kind+"}",
				"judges nothing: no parameter of %s has the type %s", some(upstreams), kind)
			continue
		}
		if known, has := v.anyHas(items, names); known && !has {
			v.add(Warning, path, "see doorward trust show for the tools' parameters", "judges nothing: no approved tool or prompt that the rule matches has a parameter of the type %s", kind)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Where.Values)) {
		known, has := v.anyHas(items, map[string]bool{fold(name): true})
		if !known || has {
			continue
		}
		text := "judges nothing: no approved tool or prompt that the rule matches has such a parameter"
		if r.Where.Values[name].Required {
			text = "refuses every call: no approved tool or prompt that the rule matches has such a parameter, and it is required"
		}
		v.add(Error, at+".where.values."+name, "see doorward trust show for the tools' parameters", "%s", text)
	}
}

// partsOf are the types that a where speaks of.
func partsOf(w *policy.Where) []string {
	var parts []string
	for _, p := range [...]struct {
		kind string
		is   bool
	}{
		{"path", w.Path != nil},
		{"url", w.URL != nil},
		{"host", w.Host != nil},
		{"sql", w.SQL != nil},
		{"command", w.Command != nil},
		{"email", w.Email != nil},
		{"text", w.Text != nil},
	} {
		if p.is {
			parts = append(parts, p.kind)
		}
	}
	return parts
}

// typed are the folded names of parameters of upstreams that have a type, in any of
// its variants.
func (v *view) typed(upstreams []string, kind string) map[string]bool {
	names := map[string]bool{}
	for _, up := range upstreams {
		for name, t := range v.Source.Arguments[up] {
			if plain, _, _ := strings.Cut(t, "/"); plain == kind {
				names[fold(name)] = true
			}
		}
	}
	return names
}

// anyHas tells whether one of the items has a parameter of one of the folded names;
// known is false when that cannot be told of every one.
func (v *view) anyHas(items []int, names map[string]bool) (known, has bool) {
	if len(items) == 0 {
		return false, false
	}
	for _, i := range items {
		all, ok := v.parameters(i)
		if !ok {
			return false, false
		}
		for j := range all {
			has = has || names[fold(all[j].name)]
		}
	}
	return true, has
}

// when tells of conditions on arguments that tools do not have.
func (v *view) when(at string, r *policy.Rule, deny bool) {
	if r.When == "" {
		return
	}
	program, err := condition.Compile(r.When)
	if err != nil {
		v.add(Error, at+".when", "correct it", "%v", err)
		return
	}
	if !program.ReadsArgs() {
		return
	}
	items, _ := v.reached(r, deny)
	var order []string
	tools := map[string][]string{}
	for _, i := range items {
		it := &v.Items[i]
		if it.Schema == nil {
			continue
		}
		for _, text := range program.CheckArgs(it.Schema) {
			if tools[text] == nil {
				order = append(order, text)
			}
			tools[text] = append(tools[text], it.Upstream+"/"+it.Name)
		}
	}
	for _, text := range order {
		what := "a call of such a tool never passes by it"
		if deny {
			what = "a deny whose condition fails denies"
		}
		v.add(Warning, at+".when", "narrow the patterns to tools that have it, or ask with has(args.NAME) first: "+what, "%s (%s)", text, some(tools[text]))
	}
}
