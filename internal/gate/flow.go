package gate

import "time"

// Taint is one label that something read has left on a conversation, and what left
// it last.
type Taint struct {
	Label    string // the configuration's word: "private", "untrusted"
	Upstream string
	Name     string // of the tool or resource; empty, with Upstream, when what was read has been forgotten
	Exchange string // id of the exchange that brought it
	At       time.Time
	Until    time.Time // it counts until then
}

// Flow is where an exchange stands in its conversation. The track stages fill it.
type Flow struct {
	Known  bool    // carry has looked: a call that nobody has looked at goes nowhere
	Labels uint8   // of the call's definition, as flow.Labels has them
	Taints []Taint // of the conversation before the call, at most one for each label
	Rule   string  // judge: the rule that holds the call; empty for none
	Why    string  // judge: which calls have brought what the rule names, for people
	Terms  *Terms  // judge: on which people let the call pass; nil when no rule holds it
}
