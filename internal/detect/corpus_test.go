package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// own is our corpus, as it stands in the repository.
func own(t *testing.T) []Case {
	t.Helper()
	sources, err := directory(filepath.Join("..", "inspect", "testdata", "corpus"))
	if err != nil {
		t.Fatal(err)
	}
	var all []Case
	for _, from := range sources {
		cases, err := from.read()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, cases...)
	}
	return all
}

func TestEveryAttackHasItsTwin(t *testing.T) {
	byID := map[string]*Case{}
	cases := own(t)
	for i := range cases {
		c := &cases[i]
		if byID[c.ID] != nil {
			t.Errorf("two cases are called %s", c.ID)
		}
		byID[c.ID] = c
	}
	for id, c := range byID {
		twin := byID[c.Twin]
		switch {
		case twin == nil:
			t.Errorf("%s has no twin", id)
			continue
		case twin.Twin != id:
			t.Errorf("%s and its twin %s do not name each other", id, twin.ID)
		case twin.Label == c.Label:
			t.Errorf("%s and its twin are both %s", id, c.Label)
		case twin.Class != c.Class, twin.Surface != c.Surface, twin.Lang != c.Lang:
			t.Errorf("%s and its twin differ in class, surface or language", id)
		}
		if c.Lang == "" || c.Technique == "" || c.Corpus != "doorward" || c.Licence != "Apache-2.0" {
			t.Errorf("%s lacks its language, technique, corpus or licence", id)
		}
		if c.Label == malicious && (c.Class == hiddenUnicode || c.Class == hiddenMarkup) && c.about().Payload == "" {
			t.Errorf("%s does not say what it hides", id)
		}
	}
}

// A class that shrinks measures less than the page says.
func TestTheCorpusCoversClassesAndLanguages(t *testing.T) {
	attacks, byClass, byLang := 0, map[string]int{}, map[string]int{}
	seen := map[string]string{}
	cases := own(t)
	for i := range cases {
		c := &cases[i]
		if c.Label != malicious {
			continue
		}
		attacks++
		byClass[c.Class]++
		byLang[c.Lang]++
		text := string(c.Tool) + c.Text + string(raw(c.Calls)) + string(raw(c.Call))
		if other := seen[text]; other != "" {
			t.Errorf("%s is %s again", c.ID, other)
		}
		seen[text] = c.ID
	}
	if attacks < 400 {
		t.Errorf("%d attacks, want 400", attacks)
	}
	for class, want := range map[string]int{
		"desc_poison": 90, "schema_poison": 45, "exfil_param": 40, hiddenUnicode: 36, hiddenMarkup: 6, "shadowing": 35,
		"pref_manip": 30, "rug_pull": 30, "result_injection": 60, "secret": 40, "toxic_flow": 30,
	} {
		if byClass[class] < want {
			t.Errorf("%d attacks of class %s, want %d", byClass[class], class, want)
		}
	}
	spoken := 0
	for _, n := range byLang {
		if n >= 10 {
			spoken++
		}
	}
	if spoken < 15 {
		t.Errorf("%d languages have ten attacks, want 15: %v", spoken, byLang)
	}
}

func TestTwinsAreOfOneLength(t *testing.T) {
	length := func(c *Case) int {
		return len(c.Tool) + len(c.Text) + len(raw(c.Calls)) + len(raw(c.Call))
	}
	attacks, honest := map[string]int{}, map[string]int{}
	cases := own(t)
	for i := range cases {
		if c := &cases[i]; c.Label == malicious {
			attacks[c.Class] += length(c)
		} else {
			honest[c.Class] += length(c)
		}
	}
	for class, n := range attacks {
		if class == hiddenUnicode || class == hiddenMarkup || class == secretClass {
			continue // what hides is long, and a key is longer than a mention of it
		}
		if ratio := float64(n) / float64(honest[class]); ratio < 0.67 || ratio > 1.5 {
			t.Errorf("class %s: attacks are %.2f times as long as their twins", class, ratio)
		}
	}
}

func TestSecretsAreMadeFromMarks(t *testing.T) {
	cases, err := readCases(strings.NewReader(`{"id":"a","corpus":"c","class":"secret","label":"malicious","surface":"args",` +
		`"call":{"name":"n","arguments":{"x":"{{secret:github_pat:7:plain}} {{secret:private_key_pem:7:plain}}"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	var arguments struct{ X string }
	if err := json.Unmarshal(cases[0].Call.Arguments, &arguments); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(arguments.X, "ghp_") || !strings.Contains(arguments.X, "KEY-----\n") {
		t.Errorf("made %q", arguments.X)
	}
}

func TestALineThatIsNoCaseIsAnError(t *testing.T) {
	tests := map[string]string{
		"no JSON":         `{"id":`,
		"no id":           `{"corpus":"c","class":"x","label":"benign","surface":"result"}`,
		"unknown label":   `{"id":"a","corpus":"c","class":"x","label":"odd","surface":"result"}`,
		"unknown surface": `{"id":"a","corpus":"c","class":"x","label":"benign","surface":"odd"}`,
		"no tool":         `{"id":"a","corpus":"c","class":"x","label":"benign","surface":"tool"}`,
		"no prev":         `{"id":"a","corpus":"c","class":"x","label":"benign","surface":"rugpull","tool":{}}`,
		"no call":         `{"id":"a","corpus":"c","class":"x","label":"benign","surface":"args"}`,
		"no calls":        `{"id":"a","corpus":"c","class":"x","label":"benign","surface":"chain"}`,
		"unknown kind":    `{"id":"a","corpus":"c","class":"x","label":"benign","surface":"result","text":"{{secret:odd:1:plain}}"}`,
		"unknown way":     `{"id":"a","corpus":"c","class":"x","label":"benign","surface":"result","text":"{{secret:jwt:1:odd}}"}`,
		"broken mark":     `{"id":"a","corpus":"c","class":"x","label":"benign","surface":"result","text":"{{secret:jwt}}"}`,
	}
	for name, line := range tests {
		t.Run(name, func(t *testing.T) {
			if cases, err := readCases(strings.NewReader(line)); err == nil {
				t.Errorf("read %d cases", len(cases))
			}
		})
	}
	t.Run("an empty directory", func(t *testing.T) {
		if _, err := directory(t.TempDir()); err == nil {
			t.Error("measured nothing and said nothing")
		}
	})
}

func TestStringsOfArguments(t *testing.T) {
	got := strings.Join(stringsOf(json.RawMessage(`{"a":"1","b":["2",{"c":"3","d":4,"e":{}},"5"],"f":null,"g":"6"}`)), ",")
	if got != "1,2,3,5,6" {
		t.Errorf("strings %s", got)
	}
}
