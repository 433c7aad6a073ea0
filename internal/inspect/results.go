package inspect

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"doorward/internal/gate"
	"doorward/internal/inspect/injection"
	"doorward/internal/inspect/personal"
	"doorward/internal/inspect/reveal"
	"doorward/internal/inspect/secrets"
	"doorward/internal/mcp"
)

func secretsIn(text string) []gate.Finding { return secrets.Scan(text) }

// Review looks at one message on its way to the client: every string of a
// result, an error, a question to the client or a notification, before any byte
// of it leaves. What Doorward composed of approved definitions is not looked at
// again: a person has read it.
func (s *Stage) Review(ctx context.Context, ex *gate.Exchange, m *gate.Message) (*gate.Message, gate.Verdict, error) {
	ex.Marks = nil
	if composed(ex, m) || s.Markers == nil && s.Results == (Results{gate.Allow, gate.Allow, gate.Allow}) {
		return nil, gate.Pass(), nil
	}
	in := incoming{stage: s, ex: ex, raw: m.Raw, told: m.Kind == gate.Notification}
	if err := walk(m, in.text); err != nil {
		return nil, gate.Verdict{}, fmt.Errorf("inspecting a reply: %w", err)
	}
	in.joined()
	if m.Kind == gate.Notification || m.Kind == gate.Request {
		ex.Heard = tail(ex.Heard, in.texts)
	}
	if len(in.blocking) > 0 {
		if err := s.crossed(ctx, ex, in.blocking); err != nil {
			return nil, gate.Verdict{}, err
		}
		return nil, gate.Refuse(gate.CodeResultRefused, "the upstream's message holds "+described(in.blocking),
			"What the server sent back was refused: it holds text that steers the model, or what must not be read."), nil
	}
	ex.Marks = in.marks
	return nil, gate.Pass(), nil
}

// composed tells whether a message is Doorward's own, made of what was approved.
func composed(ex *gate.Exchange, m *gate.Message) bool {
	if m.Kind != gate.Result {
		return false
	}
	switch ex.Call.Route.Action {
	case gate.Compose:
		return !slices.ContainsFunc(ex.Target.Items, func(it gate.Item) bool { return it.Unread })
	case gate.Handshake, gate.Discover, gate.Empty:
		return true
	default:
		return false
	}
}

// incoming is the look at one message on its way to a client.
type incoming struct {
	stage    *Stage
	ex       *gate.Exchange
	raw      []byte
	told     bool // a notification
	texts    []piece
	marks    []gate.Mark
	blocking []gate.Finding
}

// piece is one text that a model reads in order with others.
type piece struct {
	text  string
	mark  gate.Mark
	whole bool // has a mark that wraps it
}

func (in *incoming) text(t *mcp.Text) error {
	if opaque(t) || t.Value == "" {
		return nil
	}
	if !t.Name && (t.Key == "data" || t.Key == "blob") && !in.told {
		if own, ok := blobText(t.Value); ok {
			in.blob(t, own)
			return nil
		}
	}
	found := in.look(t.Value)
	if len(found) > 0 {
		at := place(t)
		for i := range found {
			found[i].Where = at
		}
	}
	mark, refused := in.decide(t, found)
	in.blocking = append(in.blocking, refused...)
	if len(mark.Mask) > 0 || mark.Wrap {
		in.marks = append(in.marks, mark)
	}
	if prose(t) && len(in.texts) < maxJoined {
		in.texts = append(in.texts, piece{t.Value, mark, mark.Wrap})
	}
	return nil
}

// look puts one text before the detectors: what they find at Medium or above,
// and, where the act on injection is not allow, hidden text at High. Terminals'
// colours, comments of web pages and emoji are in honest results.
func (in *incoming) look(text string) []gate.Finding {
	r := in.stage.Results
	var found []gate.Finding
	if r.Injection != gate.Allow {
		hidden, layers := reveal.Read(text)
		found = append(found, atLeast(gate.Medium, injection.ScanLayers(text, layers))...)
		found = append(found, atLeast(gate.High, hidden)...)
	}
	if r.Secrets != gate.Allow {
		found = append(found, atLeast(gate.Medium, secrets.Scan(text))...)
	}
	if r.Personal != gate.Allow {
		found = append(found, atLeast(gate.Medium, personal.Scan(text))...)
	}
	return append(found, in.stage.Markers.foreign(in.ex, text)...)
}

func atLeast(s gate.Severity, found []gate.Finding) []gate.Finding {
	return slices.DeleteFunc(found, func(f gate.Finding) bool { return f.Severity < s })
}

// act is what the configuration says of a finding's class.
func (in *incoming) act(f *gate.Finding) gate.Act {
	switch f.Class() {
	case "secret":
		return in.stage.Results.Secrets
	case "personal":
		return in.stage.Results.Personal
	case tenantClass:
		return gate.Block
	default:
		return in.stage.Results.Injection
	}
}

// decide says what becomes of one string: what redact has to do, and what
// refuses the message. A string that cannot be rewritten without breaking what
// it is for (a name, an address) is refused where another would be rewritten.
func (in *incoming) decide(t *mcp.Text, found []gate.Finding) (mark gate.Mark, refused []gate.Finding) {
	mark = gate.Mark{At: t.At, Text: t.Value}
	for i := range found {
		f := &found[i]
		note(in.ex, f.Where, found[i:i+1])
		mark.Where = f.Where
		act := in.act(f)
		if !rewritable(t) && (act == gate.Mask || act == gate.Wrap) {
			act = gate.Block
		}
		switch act {
		case gate.Block:
			refused = append(refused, *f)
		case gate.Mask:
			mark.Mask = append(mark.Mask, *f)
		case gate.Wrap:
			mark.Wrap = true
		case gate.Warn, gate.Allow:
		}
	}
	return mark, refused
}

// rewritable tells whether a string is text, and no name or address of the
// protocol's that means something else when it is changed.
func rewritable(t *mcp.Text) bool {
	if t.Name || t.Depth() == 1 { // beside the result
		return false
	}
	if t.Within("structuredContent") {
		return true
	}
	switch t.Key {
	case "uri", "uriTemplate", "mimeType", "type", "role", "name", "blob", "method", "src", "url", "href":
		return false
	}
	return true
}

// prose tells whether a string is one that models read one after the other.
func prose(t *mcp.Text) bool {
	return !t.Name && (t.Key == "text" || t.Key == "message" || t.Key == "data")
}

// Bounds of what is read together, in bytes.
const (
	// maxHeard is what is kept of the messages of one call before its result: a payload
	// that is cut into more than that is found by nobody before the rest of it has left.
	maxHeard   = 4 << 10
	maxLayered = 16 << 10 // of texts together whose encodings are read too
)

// joined looks at texts that follow each other as one, with what notifications and
// questions said before: a payload may be cut into several blocks or messages.
func (in *incoming) joined() {
	if len(in.texts) == 0 || len(in.texts) == 1 && in.ex.Heard == "" {
		return
	}
	seen := map[string]bool{}
	for _, gap := range [...]string{"", " "} { // cut within a word, and between words
		whole, starts := strings.ReplaceAll(in.ex.Heard, heardGap, gap), make([]int, 0, len(in.texts))
		for i := range in.texts {
			if whole != "" {
				whole += gap
			}
			starts = append(starts, len(whole))
			whole += in.texts[i].text
		}
		for _, f := range in.together(whole) {
			first, last := at(starts, f.Span.Start), at(starts, max(f.Span.Start, f.Span.End-1))
			if first == last || last < 0 {
				continue // seen in the text alone
			}
			if f.Class() == "secret" && (len(in.texts[max(first, 0)].mark.Mask) > 0 || len(in.texts[last].mark.Mask) > 0) {
				continue // whole ones side by side, each masked
			}
			if !seen[f.Rule] {
				seen[f.Rule] = true
				note(in.ex, "", []gate.Finding{f})
			}
			for i := max(first, 0); i <= last; i++ {
				in.across(&in.texts[i], f)
			}
		}
	}
}

// together is what texts say only together: to the model, and, as far as its own
// format gives it away, a credential.
func (in *incoming) together(whole string) []gate.Finding {
	var found []gate.Finding
	if in.stage.Results.Injection != gate.Allow {
		var layers []reveal.Layer
		if len(whole) <= maxLayered {
			layers = reveal.Layers(whole)
		}
		found = atLeast(gate.Medium, injection.ScanLayers(whole, layers))
	}
	if in.stage.Results.Secrets != gate.Allow {
		found = append(found, atLeast(gate.High, secrets.Scan(whole))...)
	}
	return append(found, in.stage.Markers.foreign(in.ex, whole)...)
}

// at is the text that an offset of the join falls in; -1 for what was heard before.
func at(starts []int, offset int) int {
	i, found := slices.BinarySearch(starts, offset)
	if found {
		return i
	}
	return i - 1
}

// across acts on one text of several that only together say something.
func (in *incoming) across(p *piece, f gate.Finding) {
	act := in.act(&f)
	if act == gate.Mask { // no part of it can be masked alone
		act = gate.Block
	}
	switch act {
	case gate.Warn, gate.Allow:
	case gate.Wrap:
		if p.whole {
			return
		}
		p.whole = true
		for i := range in.marks {
			if in.marks[i].At == p.mark.At {
				in.marks[i].Wrap = true
				return
			}
		}
		p.mark.Wrap = true
		in.marks = append(in.marks, p.mark)
	case gate.Block, gate.Mask:
		in.blocking = append(in.blocking, f)
	}
}

// heardGap stands between two texts of ex.Heard: they are read with a blank there, and
// without.
const heardGap = "\x00"

// tail is the end of what was said, whole characters.
func tail(heard string, texts []piece) string {
	for i := range texts {
		if heard != "" {
			heard += heardGap
		}
		heard += texts[i].text
	}
	if len(heard) > maxHeard {
		cut := len(heard) - maxHeard
		for cut < len(heard) && heard[cut]&0xc0 == 0x80 {
			cut++
		}
		heard = heard[cut:]
	}
	return heard
}
