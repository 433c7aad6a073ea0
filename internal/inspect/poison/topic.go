package poison

// A topic is what a word is about where the class says what it does in the sentence.
type topic uint32

const (
	trace     topic = 1 << iota // trace, sign, mention: what is left of an act
	know                        // learn, notice, find out
	takes                       // expects, carries, is set to: what is said of an argument
	consent                     // approval, permission
	choice                      // default, first choice
	want                        // prefers, wants, has asked for
	until                       // until, unless
	holding                     // statement, contacts, mailbox: what a user has and no tool needs
	among                       // several, between: what one is chosen from
	aside                       // afterwards, besides, in passing: something beside the tool's job follows
	pretext                     // verification, licence, telemetry: why it is said to be needed
	granted                     // deemed given, already agreed: a consent that nobody was asked for
	needless                    // no need to, without asking
	lifted                      // suspended, revoked, delegated: what is said to have become of rules
	meddle                      // delete, install, invite, pay: acts that outlive the call
	realm                       // mailbox, desktop, remote access: where a user has what is the user's
	duplicate                   // copy, duplicate, transcript
	outside                     // vendor, partner, third party, elsewhere
	ours                        // our, us: the author
	fake                        // successful, valid, clean: what a false report says
	stored                      // saved, kept: of passwords, files
	hush                        // confidential, need not come up
	person                      // the customer, the person typing: the user by another word
	shield                      // antivirus, certificates, the audit trail: what protects the user
	off                         // off, disabled, bypassed
	exclusive                   // solely, nothing else
	ever                        // always, whatever the topic
	rivals                      // alternatives, built-in tools, the model's own knowledge
	praise                      // leading, certified, unmatched
)

func (t topic) has(of topic) bool { return t&of != 0 }

// topicNames are heads of lines in the word lists, beside those of classes.
//
//nolint:gochecknoglobals // a table; read-only
var topicNames = map[string]topic{
	"trace": trace, "know": know, "takes": takes, "consent": consent, "choice": choice, "want": want, "until": until, "holding": holding, "among": among,
	"aside": aside, "pretext": pretext, "granted": granted, "needless": needless, "lifted": lifted, "meddle": meddle, "realm": realm, "copy": duplicate,
	"outside": outside, "ours": ours, "fake": fake, "stored": stored, "hush": hush, "person": person,
	"shield": shield, "off": off, "exclusive": exclusive, "ever": ever, "rivals": rivals, "praise": praise,
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
