package gate

// Act is what happens to something that was found in an argument or a result.
// The zero value blocks, so that a forgotten choice refuses.
type Act uint8

// The acts (config.md, trust.results). Arguments are never rewritten: Wrap and
// Mask are for results alone.
const (
	Block Act = iota // refuse the message
	Mask             // replace what was found
	Wrap             // mark the text as data from an untrusted source
	Warn             // leave it, on record
	Allow            // do not look
)

// String is the act's word in the configuration.
func (a Act) String() string {
	switch a {
	case Mask:
		return "mask"
	case Wrap:
		return "wrap"
	case Warn:
		return "warn"
	case Allow:
		return "allow"
	case Block:
	}
	return "block"
}

// Mark is one string of a reply that redact rewrites. inspect makes it for the
// message at hand.
type Mark struct {
	At    Span      // the string's token in Message.Raw, quotes included
	Text  string    // decoded
	Mask  []Finding // whose spans of Text are replaced
	Wrap  bool      // the text is marked as data from an untrusted source
	Where string    // JSON pointer, for the operator
	// Drop says that the string is a blob whose own text speaks to the model: the
	// content block that it is the data of is replaced as a whole.
	Drop bool
}
