package poison

// A token is a word of a sentence, or what stands for one: a path, a URL, an
// identifier.
type token struct {
	start, end   int // bytes of the text
	fold, folded int // bytes of the reader's folded words
	class        class
	topic        topic
	gap          gap // what is before it
}

// A gap is what separates a word from the one before.
type gap uint8

const (
	joined gap = iota // blanks
	comma             // a comma, a wrapped line
	clause            // a colon, a quote, a bracket, a dash
	stop              // the end of a sentence
)

// maxSentence bounds a sentence, in words: a longer one is cut.
const maxSentence = 160
