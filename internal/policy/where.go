package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"doorward/internal/policy/paths"
	"doorward/internal/policy/places"
	"doorward/internal/policy/statement"
	"doorward/internal/policy/words"
)

// judge says why a value may not pass; empty when it may. What it says names no
// value: the caller reads it.
type judge func(f *leaf) (why string)

// where is a compiled Where: a judge for each type that it speaks of, and for
// single parameters.
type where struct {
	types  map[string]judge
	values map[string]judge // by folded name
	needed []string         // folded names of parameters that must be there, sorted
}

// onText makes a judge of one that reads texts.
func onText(j func(string) string) judge {
	return func(f *leaf) string {
		if f.kind != '"' {
			return notText
		}
		return j(f.text)
	}
}

// clause makes of one that answers with a clause of its own, such as "the text is
// longer than 10 bytes", one whose answer goes on from the argument's name.
func clause(j func(string) string) func(string) string {
	return func(s string) string {
		if why := j(s); why != "" {
			return "cannot be taken: " + why
		}
		return ""
	}
}

func onWord(c *words.Command) judge {
	return func(f *leaf) string {
		if f.kind != '"' {
			return "is not a text"
		}
		return clause(func(s string) string { return c.Word(f.first, s) })(f.text)
	}
}

// safe is how a value of each type is judged where no rule says more.
func safe() map[string]judge {
	path, _ := paths.New(paths.Rule{Base: "/"})
	windows, _ := paths.New(paths.Rule{Base: `C:\`, Windows: true})
	place, _ := places.New(places.Rule{})
	command, _ := words.NewCommand(words.CommandRule{})
	email, _ := words.NewEmail(words.EmailRule{})
	all := map[string]judge{
		typePath: onText(path.Judge), typePathWindows: onText(windows.Judge),
		typeURL: onText(clause(place.URL)), typeHost: onText(clause(place.Host)),
		typeCommand: onWord(command), typeEmail: onText(clause(email.Judge)),
		typeIdentifier: onText(clause((&words.Identifier{}).Judge)), typeText: onText(func(string) string { return "" }),
	}
	for kind, dialect := range dialects() {
		sql, _ := statement.New(statement.Rule{Dialect: dialect})
		all[kind] = onText(sql.Judge)
	}
	return all
}

func dialects() map[string]statement.Dialect {
	return map[string]statement.Dialect{
		typeSQL: "postgres", typeSQLPostgres: "postgres", typeSQLMySQL: "mysql", typeSQLite: "sqlite",
	}
}

// where compiles a Where.
func (c *compiler) where(at string, w *Where) *where {
	out := &where{types: map[string]judge{}, values: map[string]judge{}}
	if w.Path != nil {
		c.path(at+".path", *w.Path, out)
	}
	if w.URL != nil {
		j, faults := places.New(*w.URL)
		out.types[typeURL] = onText(clause(j.URL))
		blame(c, at+".url", faults, func(f places.Fault) (string, string) { return f.Field, f.Text })
	}
	if w.Host != nil {
		j, faults := places.New(*w.Host)
		out.types[typeHost] = onText(clause(j.Host))
		blame(c, at+".host", faults, func(f places.Fault) (string, string) { return f.Field, f.Text })
	}
	if w.SQL != nil {
		c.sql(at+".sql", *w.SQL, out)
	}
	if w.Command != nil {
		j, faults := words.NewCommand(*w.Command)
		out.types[typeCommand] = onWord(j)
		blame(c, at+".command", faults, func(f words.Fault) (string, string) { return f.Field, f.Text })
	}
	if w.Email != nil {
		j, faults := words.NewEmail(*w.Email)
		out.types[typeEmail] = onText(clause(j.Judge))
		blame(c, at+".email", faults, func(f words.Fault) (string, string) { return f.Field, f.Text })
	}
	if w.Text != nil {
		j, faults := words.NewText(*w.Text)
		out.types[typeText] = onText(clause(j.Judge))
		blame(c, at+".text", faults, func(f words.Fault) (string, string) { return f.Field, f.Text })
	}
	for _, name := range slices.Sorted(maps.Keys(w.Values)) {
		c.single(at+".values."+name, name, w.Values[name], out)
	}
	slices.Sort(out.needed)
	return out
}

// path compiles for the readers whose directories the rule names: those of
// Windows have a drive or two backslashes.
func (c *compiler) path(at string, r paths.Rule, out *where) {
	kinds := []string{typePath, typePathWindows}
	if all := slices.Concat(r.Under, r.Not); len(all) > 0 || r.Base != "" {
		kinds = []string{typePath}
		if windowsPath(r.Base) || slices.ContainsFunc(all, windowsPath) {
			kinds = []string{typePathWindows}
		}
	}
	for _, kind := range kinds {
		r.Windows = kind == typePathWindows
		j, faults := paths.New(r)
		out.types[kind] = onText(j.Judge)
		blame(c, at, faults, func(f paths.Fault) (string, string) { return f.Field, f.Text })
	}
	for _, kind := range []string{typePath, typePathWindows} { // a rule for one reader closes to the other
		if out.types[kind] == nil {
			out.types[kind] = func(*leaf) string { return "is a path of another system than the policy speaks of" }
		}
	}
}

// Prepare does what the first judgement of PostgreSQL's SQL would wait for, more
// than a second: its parser is compiled when it is first needed. Without parameters
// of that type it does nothing. App calls it before it serves the policy.
func (p *Policy) Prepare() {
	if p == nil {
		return
	}
	for _, t := range p.types {
		for _, kind := range [...]string{typeSQL, typeSQLPostgres} {
			if len(t.byType[kind]) > 0 {
				statement.Prepare()
				return
			}
		}
	}
}

func windowsPath(s string) bool {
	return len(s) > 1 && s[1] == ':' || strings.HasPrefix(s, `\\`)
}

// sql compiles for every dialect that a parameter of the file has, and PostgreSQL.
func (c *compiler) sql(at string, r statement.Rule, out *where) {
	for kind, dialect := range dialects() {
		r.Dialect = dialect
		j, faults := statement.New(r)
		if len(faults) > 0 && kind != typeSQL && !c.has(kind) {
			continue // what a dialect that nobody has cannot do is no fault
		}
		out.types[kind] = onText(j.Judge)
		if kind == typeSQL || dialect != "postgres" {
			blame(c, at, faults, func(f statement.Fault) (string, string) { return f.Field, f.Text })
		}
	}
}

// has tells whether a parameter of any upstream has the type.
func (c *compiler) has(kind string) bool {
	for _, t := range c.policy.types {
		if len(t.byType[kind]) > 0 {
			return true
		}
	}
	return false
}

// single compiles what one parameter must keep to.
func (c *compiler) single(at, name string, v Value, out *where) {
	folded := fold(name)
	text, faults := words.NewText(v.Text)
	blame(c, at, faults, func(f words.Fault) (string, string) { return f.Field, f.Text })
	number, faults := words.NewNumber(words.NumberRule{Min: v.Min, Max: v.Max})
	blame(c, at, faults, func(f words.Fault) (string, string) { return f.Field, f.Text })
	if out.values[folded] != nil {
		c.fault(at, "is written twice: upper and lower case count as one")
	}
	texts := v.Text.Size > 0 || v.Text.Pattern != ""
	numbers := v.Min != "" || v.Max != ""
	if texts && numbers {
		c.fault(at, "size and regex are for texts, min and max for numbers: write one or the other")
	}
	out.values[folded] = func(f *leaf) string {
		switch {
		case numbers && f.kind != '0':
			return notNumber
		case numbers:
			if why := clause(number.Judge)(f.text); why != "" {
				return why
			}
		case texts && f.kind != '"':
			return notText
		}
		return clause(text.Judge)(f.text)
	}
	if v.Required {
		out.needed = append(out.needed, folded)
	}
}

// blame reports the faults of a part of a rule.
func blame[F any](c *compiler, at string, faults []F, parts func(F) (field, text string)) {
	for _, f := range faults {
		field, text := parts(f)
		if field == "pattern" { // as the file calls it
			field = "regex"
		}
		if field != "" {
			field = "." + field
		}
		c.fault(at+field, "%s", text)
	}
}

// What is said of a value of another kind than is judged.
const (
	notText   = "is not a text"
	notNumber = "is not a number"
)

// unsure tells whether some value keeps to what the where says of it, or is of
// another kind than it speaks of, or one that must be there is not.
func (w *where) unsure(l *leaves) bool {
	for _, name := range w.needed {
		if !l.given[name] {
			return true
		}
	}
	for i := range l.all {
		f := &l.all[i]
		asked, kept := false, true
		ask := func(j judge) (odd bool) {
			if j == nil {
				return false
			}
			why := j(f)
			asked, kept = true, kept && why == ""
			return why == notText || why == notNumber
		}
		for _, kind := range f.types {
			if ask(w.types[kind]) {
				return true
			}
		}
		for _, name := range f.names {
			if ask(w.values[name]) {
				return true
			}
		}
		if asked && kept {
			return true
		}
	}
	return false
}

// judge judges all leaves: by the where's own words where it has some for the
// type, and by the type's safe default otherwise. w may be nil. With partial none
// is missed.
func (w *where) judge(l *leaves, safe map[string]judge, partial bool) (why string) {
	for i := range l.all {
		f := &l.all[i]
		for _, kind := range f.types {
			j := safe[kind]
			if w != nil && w.types[kind] != nil {
				j = w.types[kind]
			}
			if j == nil {
				return refusal(f, "has a type that nobody can judge")
			}
			if why := j(f); why != "" {
				return refusal(f, why)
			}
		}
		if w == nil || len(w.values) == 0 {
			continue
		}
		for _, name := range f.names {
			if j := w.values[name]; j != nil {
				if why := j(f); why != "" {
					return refusal(f, why)
				}
			}
		}
	}
	if w == nil || partial {
		return ""
	}
	for _, name := range w.needed {
		if !l.given[name] {
			return fmt.Sprintf("The argument %q is needed.", name)
		}
	}
	return ""
}

// refusal is a sentence for the caller: which argument, and why, without its value.
// What judges say is a verb with what follows, or a sentence of its own.
func refusal(f *leaf, why string) string {
	first, _, _ := strings.Cut(why, " ")
	switch first {
	case "is", "holds", "calls", "reads", "writes", "leaves", "nests", "closes", "ends", "cannot", "has", "uses", "needs":
		return fmt.Sprintf("The argument %q %s.", shorten(f.name), why)
	}
	return fmt.Sprintf("The argument %q is not allowed: %s.", shorten(f.name), why)
}
