package config

import (
	"unicode"
	"unicode/utf8"
)

// Bounds of what is said of the gateway and of upstreams, in bytes. The label is
// part of every result.
const (
	maxLabel   = 500
	maxPurpose = 200
	maxLicence = 100
)

func (v *checker) disclosure() {
	d := v.c.Disclosure
	v.line("disclosure.label", d.Label, maxLabel)
	if d.Content && d.Label == "" {
		v.fault("disclosure.content", "needs a label")
	}
}

func (v *checker) declares(path string, d Declares) {
	v.line(path+".purpose", d.Purpose, maxPurpose)
	v.line(path+".licence", d.Licence, maxLicence)
}

// line checks a text that others are shown: one line that can be read.
func (v *checker) line(path, s string, most int) {
	if len(s) > most || !utf8.ValidString(s) {
		v.fault(path, "must be one line of at most %d bytes", most)
		return
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			v.fault(path, "must be one line of text, without control or invisible characters")
			return
		}
	}
}

// Disclosure is what clients and people are told about the gateway (EU AI Act,
// article 50).
type Disclosure struct {
	// Label is the sentence that is told. Not written: nothing is.
	Label string `yaml:"label"`
	// Content adds the label to a tool's result as a block of text for the user, beside the note in its _meta.
	Content bool `yaml:"content"`
	// Server adds the label to what the gateway says of itself when a client connects.
	Server bool `yaml:"server"`
}
