package change_test

import (
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/inspect/change"
)

// rich has a value at the places of which the mutations take one.
const rich = `{"name":"read","title":"Page","description":"Reads a page.","icons":[{"src":"https://wiki.example/i.png"}],
"inputSchema":{"type":"object","title":"Input","description":"What to read.","$schema":"https://json-schema.org/draft/2020-12/schema",
 "properties":{"name":{"type":"string","description":"Name of the page.","maxLength":20,"minLength":1,"pattern":"^[a-z]+$","format":"slug","default":"start","enum":["start","end"],"examples":["start"]},
  "lines":{"type":"integer","minimum":1,"maximum":9,"title":"Lines"},
  "parts":{"type":"array","minItems":1,"maxItems":3,"uniqueItems":true,"items":{"type":"string","description":"A part."}},
  "title":{"type":"string"},"description":{"type":"string"}},
 "required":["name"],"additionalProperties":false,"$defs":{"a":{"description":"A thing.","const":"x"}},
 "anyOf":[{"description":"One.","required":["name"]}]},
"outputSchema":{"type":"object","description":"The page.","properties":{"text":{"type":"string","description":"The text."}}},
"annotations":{"title":"Page","readOnlyHint":true,"destructiveHint":false,"idempotentHint":true,"openWorldHint":false},
"execution":{"taskSupport":"optional"},"_meta":{"description":"x"}}`

// Titles and descriptions may change, at the places for them; of the rest only what
// takes away from what is asked for, or warns of more.
func TestWhatIsQuick(t *testing.T) {
	for _, tc := range []struct {
		old, to string
		quick   bool
	}{
		{`"Reads a page."`, `"Reads one page."`, true},
		{`"title":"Page","description":"Reads`, `"title":"Wiki page","description":"Reads`, true},
		{`"title":"Input"`, `"title":"Inputs"`, true},
		{`"title":"Input",`, ``, true},
		{`"A part."`, `"One part."`, true},
		{`"A thing."`, `"One thing."`, true},
		{`"One."`, `"One way."`, true},
		{`"title":"Lines"`, `"title":"Lines","description":"Lines at most."`, true},
		{`{"title":"Page","readOnlyHint"`, `{"title":"Wiki page","readOnlyHint"`, true},

		{`"The page."`, `"One page."`, false},
		{`"The text."`, `"Text."`, false},
		{`"outputSchema":{"type":"object","description":"The page.","properties":{"text":{"type":"string","description":"The text."}}},`, ``, false},
		{`"text":{"type":"string"`, `"more":{},"text":{"type":"string"`, false},
		{`"readOnlyHint":true`, `"readOnlyHint":false`, true},
		{`"readOnlyHint":true,`, ``, false},
		{`"destructiveHint":false`, `"destructiveHint":true`, true},
		{`"idempotentHint":true`, `"idempotentHint":false`, true},
		{`"openWorldHint":false`, `"openWorldHint":true`, true},
		{`"openWorldHint":false`, `"openWorldHint":false,"x":1`, false},
		{`"annotations":{"title"`, `"annotations":{"description":"Page.","title"`, false},
		{`"maxLength":20`, `"maxLength":2000`, false},
		{`"maxLength":20,`, ``, false},
		{`"minLength":1`, `"minLength":100`, false},
		{`"pattern":"^[a-z]+$"`, `"pattern":".*"`, false},
		{`"pattern":"^[a-z]+$",`, ``, false},
		{`"format":"slug"`, `"format":"uri"`, false},
		{`"default":"start"`, `"default":"end"`, false},
		{`"default":"start",`, ``, false},
		{`"enum":["start","end"]`, `"enum":["start","page"]`, false},
		{`"enum":["start","end"]`, `"enum":["start"]`, false},
		{`"enum":["start","end"],`, ``, false},
		{`"examples":["start"]`, `"examples":["end"]`, false},
		{`"examples":["start"]`, `"examples":[{"description":"x"}]`, false},
		{`"minimum":1`, `"minimum":0`, false},
		{`"maximum":9`, `"maximum":10`, false},
		{`"type":"integer"`, `"type":"string"`, false},
		{`"type":"integer"`, `"type":["integer","string"]`, false},
		{`"minItems":1`, `"minItems":2`, false},
		{`"uniqueItems":true,`, ``, false},
		{`"required":["name"],"additional`, `"required":["name","lines"],"additional`, false},
		{`"required":["name"],"additional`, `"required":[],"additional`, true},
		{`"required":["name"],"additional`, `"additional`, true},
		{`"additionalProperties":false`, `"additionalProperties":true`, false},
		{`"additionalProperties":false`, `"additionalProperties":{"description":"x"}`, false},
		{`"additionalProperties":false,`, ``, false},
		{`"const":"x"`, `"const":"y"`, false},
		{`"$schema":"https://json-schema.org/draft/2020-12/schema",`, ``, true},
		{`"$schema":"https://json-schema.org/draft/2020-12/schema"`, `"$schema":"http://json-schema.org/draft-07/schema#"`, false},
		{`"title":{"type":"string"},"description"`, `"title":{"type":"string"},"city":{"description":"A city."},"description"`, false},
		{`"title":{"type":"string"},"description"`, `"title":"Page","description"`, false},
		{`,"description":{"type":"string"}`, ``, true},
		{`"anyOf":[`, `"oneOf":[`, false},
		{`"anyOf":[`, `"anyOf":[{"description":"Two."},`, false},
		{`"type":"object","title":"Input"`, `"type":"object","$comment":"A page.","title":"Input"`, false},
		{`"type":"object","title":"Input"`, `"type":"object","errorMessage":"A page.","title":"Input"`, false},
		{`"type":"object","title":"Input"`, `"type":"object","x-note":{"description":"A page."},"title":"Input"`, false},
		{`"type":"object","title":"Input"`, `"type":"object","patternProperties":{"p":{"description":"A page."}},"title":"Input"`, false},
		{`"type":"object","title":"Input"`, `"type":"object","dependentRequired":{"name":["lines"]},"title":"Input"`, false},
		{`"type":"object","title":"Input"`, `"type":"object","deprecated":true,"title":"Input"`, false},
		{`"src":"https://wiki.example/i.png"`, `"src":"https://wiki.example/j.png"`, false},
		{`"src":"https://wiki.example/i.png"`, `"src":"https://wiki.example/i.png","title":"Page"`, false},
		{`"taskSupport":"optional"`, `"taskSupport":"required"`, false},
		{`"execution":{`, `"execution":{"description":"Page.",`, false},
		{`"_meta":{"description":"x"}`, `"_meta":{"description":"page"}`, false},
		{`"_meta":{"description":"x"}`, `"_meta":{"description":"x"},"x":null`, false},
		{`"description":"Reads a page."`, `"description":["Reads a page."]`, false},
		{`"description":"Reads a page."`, `"description":null`, false},
		{`"name":"read"`, `"name":"page"`, false},
	} {
		t.Run(tc.old+" to "+tc.to, func(t *testing.T) {
			if strings.Count(rich, tc.old) != 1 {
				t.Fatalf("%s is there %d times", tc.old, strings.Count(rich, tc.old))
			}
			before, after := item("read", rich), item("read", strings.Replace(rich, tc.old, tc.to, 1))
			if got := change.Of(&before, &after, nil); got.Quick != tc.quick {
				t.Errorf("quick %t: %q", got.Quick, got.Reasons)
			}
		})
	}
}

// What a tool may have, others have not: the places for wording are those of a kind.
func TestWordingOfOtherKinds(t *testing.T) {
	for name, tc := range map[string]struct {
		kind  gate.ItemKind
		was   string
		is    string
		quick bool
	}{
		"instructions":          {gate.Instructions, `"Pages are in Markdown."`, `"All pages are in Markdown."`, true},
		"a prompt":              {gate.Prompt, `{"name":"a","description":"Sums up."}`, `{"name":"a","description":"Sums up a page."}`, true},
		"an argument's text":    {gate.Prompt, `{"arguments":[{"name":"page","description":"Page."}]}`, `{"arguments":[{"name":"page","description":"A page."}]}`, true},
		"an argument's name":    {gate.Prompt, `{"arguments":[{"name":"page"}]}`, `{"arguments":[{"name":"lines"}]}`, false},
		"an argument's need":    {gate.Prompt, `{"arguments":[{"name":"page"}]}`, `{"arguments":[{"name":"page","required":true}]}`, false},
		"a resource":            {gate.Resource, `{"uri":"a:b","description":"A page."}`, `{"uri":"a:b","description":"One page."}`, true},
		"where a resource is":   {gate.Resource, `{"uri":"a:b"}`, `{"uri":"a:c"}`, false},
		"what a resource is":    {gate.Resource, `{"uri":"a:b","mimeType":"text/plain"}`, `{"uri":"a:b","mimeType":"text/html"}`, false},
		"a template":            {gate.Template, `{"uriTemplate":"a:{b}"}`, `{"uriTemplate":"a:{c}"}`, false},
		"a server's title":      {gate.Server, `{"name":"a","title":"Wiki"}`, `{"name":"a","title":"Wikis"}`, false},
		"a server's version":    {gate.Server, `{"name":"a","version":"1"}`, `{"name":"a","version":"2"}`, false},
		"how it is started":     {gate.Command, `{"argv":["a"]}`, `{"argv":["b"]}`, false},
		"a command's title":     {gate.Command, `{"title":"a"}`, `{"title":"b"}`, false},
		"a schema of no tool":   {gate.Prompt, `{"inputSchema":{"description":"A."}}`, `{"inputSchema":{"description":"B."}}`, false},
		"instructions, no text": {gate.Instructions, `"A."`, `1`, false},
	} {
		t.Run(name, func(t *testing.T) {
			before := gate.Item{Kind: tc.kind, Upstream: "wiki", Name: "a", Raw: []byte(tc.was)}
			after := gate.Item{Kind: tc.kind, Upstream: "wiki", Name: "a", Raw: []byte(tc.is)}
			if got := change.Of(&before, &after, nil); got.Quick != tc.quick {
				t.Errorf("quick %t: %q", got.Quick, got.Reasons)
			}
		})
	}
}

// A parameter that reads like another one takes what belongs there.
func TestSwappedParameters(t *testing.T) {
	def := func(from, to string) gate.Item {
		return item("go", `{"name":"go","description":"Plans a route.","inputSchema":{"properties":{"from":{"type":"string","description":"`+from+`"},"to":{"type":"string","description":"`+to+`"}}}}`)
	}
	for name, tc := range map[string]struct {
		was, is [2]string
		quick   bool
	}{
		"swapped":             {[2]string{"City of departure", "City of arrival"}, [2]string{"City of arrival", "City of departure"}, false},
		"swapped, reworded":   {[2]string{"City of departure", "City of arrival"}, [2]string{"The arrival city", "The departure city"}, false},
		"one takes another's": {[2]string{"Body of the mail", "Address of the mailbox"}, [2]string{"Address of the mailbox", "Address of the mailbox"}, false},
		"in Chinese":          {[2]string{"\u51fa\u53d1\u57ce\u5e02", "\u5230\u8fbe\u57ce\u5e02"}, [2]string{"\u5230\u8fbe\u57ce\u5e02", "\u51fa\u53d1\u57ce\u5e02"}, false},
		"mended":              {[2]string{"City of departur", "City of arrival"}, [2]string{"City of departure", "City of arrival"}, true},
		"the same of both":    {[2]string{"A city", "A city"}, [2]string{"A city", "One city"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			before, after := def(tc.was[0], tc.was[1]), def(tc.is[0], tc.is[1])
			if got := change.Of(&before, &after, nil); got.Quick != tc.quick {
				t.Errorf("quick %t: %q", got.Quick, got.Reasons)
			}
		})
	}
}
