package poison

// A topic is what a word is about where the class says what it does in the sentence.
type topic uint16

const (
	trace   topic = 1 << iota // trace, sign, mention: what is left of an act
	know                      // learn, notice, find out
	takes                     // expects, carries, is set to: what is said of an argument
	consent                   // approval, permission
	choice                    // default, first choice
	want                      // prefers, wants, has asked for
	until                     // until, unless
	holding                   // statement, contacts, mailbox: what a user has and no tool needs
	among                     // several, between: what one is chosen from
)

func (t topic) has(of topic) bool { return t&of != 0 }

// topicNames are heads of lines in the word lists, beside those of classes.
//
//nolint:gochecknoglobals // a table; read-only
var topicNames = map[string]topic{
	"trace": trace, "know": know, "takes": takes, "consent": consent, "choice": choice, "want": want, "until": until, "holding": holding, "among": among,
}

// A sense is what a word can be.
type sense struct {
	class class
	topic topic
}

func (s sense) none() bool { return s == sense{} }

func (s sense) or(o sense) sense { return sense{s.class | o.class, s.topic | o.topic} }

// topics is what the words from i to j are about.
func (s *sentence) topics(i, j int) topic {
	var t topic
	for k := max(0, i); k <= j && k < len(s.words); k++ {
		t |= s.words[k].topic
	}
	return t
}
