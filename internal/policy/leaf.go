package policy

// Leaf is one value of a call's arguments as Judge reads it: what learning makes
// rules of.
type Leaf struct {
	Name  string   // of the innermost member that it stands in, as the client wrote it
	Names []string // folded names of all members that it stands in, innermost last
	Types []string // of those of them that have one
	First bool     // the first element of its list, or in none
	Kind  byte     // of the JSON value: '"', '0', 't', 'f', 'n'
	Text  string   // of a text its characters, of anything else the JSON itself
}

// Leaves reads the arguments of a call as Judge does, with the types of the
// upstream's parameters, and returns every value of theirs. What Judge could not
// read is an error. Learning calls it.
func Leaves(params map[string]string, args []byte) ([]Leaf, error) {
	l := leaves{types: &types{of: map[string]string{}}, every: true}
	for name, kind := range params {
		l.types.of[fold(name)] = kind
	}
	if err := l.read(args); err != nil {
		return nil, err
	}
	out := make([]Leaf, len(l.all))
	for i := range l.all {
		f := &l.all[i]
		out[i] = Leaf{Name: f.name, Names: f.names, Types: f.types, First: f.first, Kind: byte(f.kind), Text: f.text}
	}
	return out, nil
}

// Folded is the spelling of a parameter's name that all spellings of it share.
func Folded(name string) string { return fold(name) }
