package policy

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"doorward/internal/jsonrpc"
)

// The types that a parameter can have. What stands behind a slash says how the
// upstream reads the value.
const (
	typePath        = "path"
	typePathWindows = "path/windows"
	typeURL         = "url"
	typeHost        = "host"
	typeSQL         = "sql" // PostgreSQL's
	typeSQLPostgres = "sql/postgres"
	typeSQLMySQL    = "sql/mysql"
	typeSQLite      = "sql/sqlite"
	typeCommand     = "command"
	typeEmail       = "email"
	typeIdentifier  = "identifier"
	typeText        = "text"
	typeJSON        = "json" // a text that is JSON itself: what is in it is judged by its own names
)

// Types are the types of parameters, sorted.
func Types() []string {
	return []string{
		typeCommand, typeEmail, typeHost, typeIdentifier, typeJSON, typePath, typePathWindows,
		typeSQL, typeSQLMySQL, typeSQLPostgres, typeSQLite, typeText, typeURL,
	}
}

// Bounds of what is judged of one call. With these the judges of a rule stay
// within about 10 ms on one core of 2026; what is beyond them is refused.
const (
	maxLeaves  = 2000      // values that have a type or a rule
	maxSQL     = 16        // of them statements, which cost most: a short one 0.7 ms
	maxJudged  = 256 << 10 // bytes of those values
	maxNested  = 3         // JSON in a text in JSON
	maxWalked  = 100_000   // values that are looked at for a name
	maxWalking = 64        // depth
)

// types are the parameters of one upstream that have a type.
type types struct {
	of     map[string]string // by folded name
	byType map[string][]string
}

// arguments takes the types of one upstream's parameters in.
func (c *compiler) arguments(upstream string, params map[string]string) {
	t := &types{of: map[string]string{}, byType: map[string][]string{}}
	known := Types()
	for _, name := range slices.Sorted(maps.Keys(params)) {
		at, kind := "upstreams."+upstream+".arguments."+name, params[name]
		switch folded := fold(name); {
		case name == "" || len(name) > maxPattern:
			c.fault(at, "a parameter's name has 1 to %d bytes", maxPattern)
		case !slices.Contains(known, kind):
			c.fault(at, "%q is no type; there are %s", shorten(kind), strings.Join(known, ", "))
		case t.of[folded] != "":
			c.fault(at, "is written twice: upper and lower case count as one")
		default:
			t.of[folded] = kind
			t.byType[kind] = append(t.byType[kind], name)
		}
	}
	if len(t.of) > 0 {
		c.policy.types[upstream] = t
	}
}

// fold makes one of the spellings of a member's name that some reader takes for
// the same: many libraries do not mind the case.
func fold(name string) string {
	for i := range len(name) {
		if c := name[i]; c >= 'A' && c <= 'Z' || c >= 0x80 {
			return strings.ToLower(strings.ToUpper(name)) // folds ſ and the Kelvin sign too
		}
	}
	return name
}

// leaf is one value of the arguments that a rule may have something to say about.
type leaf struct {
	name  string   // of the innermost member it stands in, as the client wrote it
	names []string // folded names of all members it stands in, innermost last
	types []string // of those of them that have one
	first bool     // the first element of its list, or in none
	kind  jsontext.Kind
	text  string // of a text its characters, of anything else the JSON itself
}

// leaves are the values of a call's arguments, read once.
type leaves struct {
	all   []leaf
	given map[string]bool // folded names of members in which a value stands
	bytes int
	sql   int // statements
	seen  int
	types *types
	// every says that leaves without a type are kept as well.
	every bool
	inner string   // the innermost member's name, as it is written
	names []string // folded, of all members around
	kinds []string // types of those that have one
}

var errTooMuch = errors.New("there is more in the arguments than can be judged")

// read walks the arguments of a call, a JSON object, or nil for none.
func (l *leaves) read(args []byte) error {
	l.given = map[string]bool{}
	if len(args) == 0 {
		return nil
	}
	if k := jsontext.Value(args).Kind(); k != '{' {
		return errors.New("the arguments are not an object")
	}
	return l.value(args, true, 0, 0)
}

func (l *leaves) value(raw []byte, first bool, depth, nested int) error {
	if l.seen++; l.seen > maxWalked || depth > maxWalking {
		return errTooMuch
	}
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) == 0:
		return errors.New("the arguments are not JSON")
	case raw[0] == '{':
		return jsonrpc.Members(raw, func(name string, _, at jsonrpc.Span) error {
			return l.member(name, raw[at.Start:at.End], depth, nested)
		})
	case raw[0] == '[':
		i := 0
		return jsonrpc.Elements(raw, func(at jsonrpc.Span) error {
			i++
			return l.value(raw[at.Start:at.End], i == 1, depth+1, nested)
		})
	}
	return l.leaf(raw, first, depth, nested)
}

func (l *leaves) member(name string, raw []byte, depth, nested int) error {
	folded := fold(name)
	if len(l.kinds) > 0 { // the name itself is part of a value that has a type
		if err := l.keep(leaf{name: l.inner, kind: '"', text: name}, depth, nested); err != nil {
			return err
		}
	}
	kind := ""
	if l.types != nil {
		kind = l.types.of[folded]
	}
	outer := l.inner
	l.inner, l.names = name, append(l.names, folded)
	if kind != "" {
		l.kinds = append(l.kinds, kind)
	}
	err := l.value(raw, true, depth+1, nested)
	l.inner, l.names = outer, l.names[:len(l.names)-1]
	if kind != "" {
		l.kinds = l.kinds[:len(l.kinds)-1]
	}
	return err
}

func (l *leaves) leaf(raw []byte, first bool, depth, nested int) error {
	if len(l.kinds) == 0 && !l.every {
		return nil
	}
	for _, name := range l.names {
		l.given[name] = true
	}
	f := leaf{name: l.inner, first: first, kind: jsontext.Value(raw).Kind(), text: string(raw)}
	if f.kind == '"' {
		text, err := jsontext.AppendUnquote(nil, raw)
		if err != nil {
			return errors.New("a text in the arguments is malformed")
		}
		f.text = string(text)
	}
	return l.keep(f, depth, nested)
}

// keep takes a value in, or what is in it where it is JSON itself.
func (l *leaves) keep(f leaf, depth, nested int) error {
	if l.bytes += len(f.text); l.bytes > maxJudged || len(l.all) == maxLeaves {
		return errTooMuch
	}
	f.names, f.types = slices.Clone(l.names), slices.Clone(l.kinds)
	if slices.ContainsFunc(f.types, func(kind string) bool { return strings.HasPrefix(kind, typeSQL) }) {
		if l.sql++; l.sql > maxSQL {
			return errTooMuch
		}
	}
	if i := slices.Index(f.types, typeJSON); i >= 0 {
		return l.inside(&f, depth, nested)
	}
	l.all = append(l.all, f)
	return nil
}

// inside reads a text that is JSON itself. What it holds has the names around it
// too, but not their type.
func (l *leaves) inside(f *leaf, depth, nested int) error {
	inner := jsontext.Value(f.text)
	if f.kind != '"' || nested == maxNested || !inner.IsValid() || inner.Kind() == '"' { // a text again has no names to judge by
		return fmt.Errorf("the argument %q is not a text that holds JSON", shorten(f.name))
	}
	outer := l.kinds
	l.kinds = slices.DeleteFunc(slices.Clone(outer), func(k string) bool { return k == typeJSON })
	err := l.value([]byte(f.text), true, depth+1, nested+1)
	l.kinds = outer
	return err
}
