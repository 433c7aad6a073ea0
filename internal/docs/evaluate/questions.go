// Package evaluate measures what is found: how often the document that answers a question
// is among the first, and how far ahead. doorward docs eval runs it over a file of
// questions with known answers.
package evaluate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"doorward/internal/docs"
)

// Bounds of a file of questions.
const (
	MaxFile      = 4 << 20 // bytes
	maxQuestions = 10_000
	maxExpected  = 32
	maxText      = 2 << 10 // bytes of a question
)

// Question is one that is asked, with what answers it.
type Question struct {
	Text string `yaml:"question" json:"question"`
	// Expect are documents of which each answers it: a URI, or the end of one that begins
	// behind a /.
	Expect []string `yaml:"expect" json:"expect"`
	// Heading narrows it to passages that stand under one with this in it. Empty: any.
	Heading string `yaml:"heading" json:"heading,omitempty"`
}

// Read reads questions: a list in YAML or JSON, or with .jsonl at the end of the file's
// name one object of JSON on each line.
func Read(name string, raw []byte) ([]Question, error) {
	if len(raw) > MaxFile {
		return nil, fmt.Errorf("%s has more than %d bytes", name, MaxFile)
	}
	var all []Question
	var err error
	if strings.HasSuffix(name, ".jsonl") {
		all, err = lines(raw)
	} else {
		err = yaml.UnmarshalWithOptions(raw, &all, yaml.DisallowUnknownField())
	}
	if err != nil {
		return nil, fmt.Errorf("reading questions from %s: %w", name, err)
	}
	if len(all) == 0 || len(all) > maxQuestions {
		return nil, fmt.Errorf("%s has %d questions: 1 to %d are asked", name, len(all), maxQuestions)
	}
	for i, q := range all {
		if err := q.check(); err != nil {
			return nil, fmt.Errorf("question %d of %s: %w", i+1, name, err)
		}
	}
	return all, nil
}

func lines(raw []byte) (all []Question, err error) {
	for line := range bytes.Lines(raw) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		var q Question
		if err := d.Decode(&q); err != nil {
			return nil, fmt.Errorf("line %d: %w", len(all)+1, err)
		}
		all = append(all, q)
	}
	return all, nil
}

func (q *Question) check() error {
	switch {
	case strings.TrimSpace(q.Text) == "" || len(q.Text) > maxText:
		return fmt.Errorf("question must be 1 to %d bytes", maxText)
	case len(q.Expect) == 0 || len(q.Expect) > maxExpected:
		return fmt.Errorf("expect must name 1 to %d documents", maxExpected)
	}
	for _, e := range q.Expect {
		if strings.Trim(e, "/ ") == "" {
			return errors.New("expect has an empty document")
		}
	}
	return nil
}

// answers tells whether a passage is an answer to the question.
func (q *Question) answers(f *docs.Found) bool {
	if q.Heading != "" && !strings.Contains(strings.ToLower(f.Passage.Heading), strings.ToLower(q.Heading)) {
		return false
	}
	return slices.ContainsFunc(q.Expect, func(e string) bool { return names(e, f.Document.URI) })
}
