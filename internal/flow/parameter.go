package flow

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// parameters are those of a tool, with their schemas.
type parameters map[string]jsontext.Value

// ofParameter are the labels that a parameter adds to a tool with a verb.
func ofParameter(name string, verb role) Labels {
	switch {
	case recipients[name] && verb&reads == 0:
		return Leaves | Acts
	case destinations[name]:
		return Leaves | Untrusted
	case codes[name] && verb&(runs|sends) != 0:
		return Leaves | Acts | Untrusted
	}
	return 0
}

// speaks tells whether a parameter is for words to somebody, or says to whom.
func (p parameters) speaks() bool {
	for name := range p {
		of := tokens(name)
		if recipients[strings.ToLower(name)] || len(of) > 0 && speeches[of[len(of)-1]] {
			return true
		}
	}
	return false
}

// mute tells whether there are parameters, and none has room for words: each is a
// number, one of a few values, an identifier or a time.
func (p parameters) mute() bool {
	for name, schema := range p {
		if !silent(name, schema, 0) {
			return false
		}
	}
	return len(p) > 0
}

// describe tells whether there are parameters, and all are of a person's
// description: none says how he signs in or what he may do.
func (p parameters) describe() bool {
	for name := range p {
		for _, word := range tokens(name) {
			if !descriptions[word] {
				return false
			}
		}
	}
	return len(p) > 0
}

// shape is what silent looks at of a parameter's schema.
type shape struct {
	Type   jsontext.Value `json:"type"`
	Enum   jsontext.Value `json:"enum"`
	Const  jsontext.Value `json:"const"`
	Format string         `json:"format"`
	Items  jsontext.Value `json:"items"`
}

// maxNested bounds lists within lists.
const maxNested = 3

// silent tells whether what a parameter takes has no room for words.
func silent(name string, schema jsontext.Value, depth int) bool {
	s := shape{}
	if depth > maxNested || json.Unmarshal(schema, &s) != nil {
		return false
	}
	of := tokens(name)
	switch {
	case len(s.Enum) > 0 || len(s.Const) > 0:
		return true
	case len(s.Items) > 0:
		return silent(name, s.Items, depth+1)
	case slices.Contains([]string{"date", "date-time", "time", "duration", "uuid"}, s.Format):
		return true
	case typed(s.Type, "number", "integer", "boolean", "null"):
		return true
	case len(s.Type) > 0 && !typed(s.Type, "string", "number", "integer", "boolean", "null"):
		return false
	}
	return len(of) > 0 && marks[of[len(of)-1]]
}

// typed tells whether a schema's type, or each of several, is among some.
func typed(value jsontext.Value, among ...string) bool {
	var list []string
	if json.Unmarshal(value, &list) != nil {
		var one string
		if json.Unmarshal(value, &one) != nil {
			return false
		}
		list = []string{one}
	}
	for _, t := range list {
		if !slices.Contains(among, t) {
			return false
		}
	}
	return len(list) > 0
}

// recipients are parameters that say to whom something goes.
//
//nolint:gochecknoglobals // a table; read-only
var recipients = setOf(`to cc bcc recipient recipients to_email email_to to_address to_addresses webhook webhook_url
	callback_url phone_number to_number chat_id channel_id recipient_id attendees participants invitees payee
	beneficiary iban destination_account to_account receiver mailto`)

// destinations are parameters that say whom the call asks: a request carries what
// its address says (EchoLeak: an image's URL was enough).
//
//nolint:gochecknoglobals // a table; read-only
var destinations = setOf(`url urls uri link href endpoint base_url host hostname domain website webpage page_url target_url site`)

// codes are parameters that hold what is carried out.
//
//nolint:gochecknoglobals // a table; read-only
var codes = setOf(`command cmd shell script bash commands shell_command powershell python_code code`)

// speeches are last words of parameters that hold what is said.
//
//nolint:gochecknoglobals // a table; read-only
var speeches = setOf(`title body subject content text message description comment summary note reason`)

// marks are last words of parameters that hold an identifier or a time, where their
// schema allows any string.
//
//nolint:gochecknoglobals // a table; read-only
var marks = setOf(`id ids uuid guid number index count date time datetime timestamp timezone day month year hour minute duration`)

// descriptions are the words of parameters that describe a person.
//
//nolint:gochecknoglobals // a table; read-only
var descriptions = setOf(`first last middle given family full display nick name street city town state region zip postal
	postcode country address line bio about avatar picture photo company job title timezone locale language birth
	birthday date gender pronoun user id`)

func setOf(list string) map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(list) {
		out[w] = true
	}
	return out
}
