// Package lexicon reads the word lists that detectors embed, and brings words into the
// form in which they are compared: small letters without marks, so that a list has a
// word once, however it is written.
//
// The detectors that go by words call it when they build their tables, and for each
// word of a text. It knows no class and no language: what a word means is theirs.
package lexicon

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// A Line is one line of a list: words, and the classes that all of them are of.
type Line struct {
	Heads []string
	Words []Word
}

// A Word is a word or a phrase of a list, folded.
type Word struct {
	Text string // with a blank between the words of a phrase
	Stem bool   // every word that begins so is meant
}

// Lists are the lines of each *.txt in files, in the order of their names. A line is
// "class+class: word stem* two_words …", empty, or a comment after "#". The lists are
// part of the program, so one that cannot be read panics: every test of the detector
// sees that.
func Lists(files fs.FS) [][]Line {
	var out [][]Line
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(name) != ".txt" {
			return err
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		lines, err := parse(string(text))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, lines)
		return nil
	})
	if err != nil {
		panic(err)
	}
	return out
}

func parse(text string) ([]Line, error) {
	var out []Line
	n := 0
	for line := range strings.Lines(text) {
		n++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		head, words, ok := strings.Cut(line, ":")
		if !ok || head == "" {
			return nil, fmt.Errorf("line %d: no class before its words", n)
		}
		l := Line{Heads: strings.Split(head, "+")}
		for w := range strings.FieldsSeq(words) {
			w, stem := strings.CutSuffix(w, "*")
			if w == "" {
				return nil, fmt.Errorf("line %d: a stem without a letter", n)
			}
			l.Words = append(l.Words, Word{Text: Fold(strings.ReplaceAll(w, "_", " ")), Stem: stem})
		}
		out = append(out, l)
	}
	return out, nil
}

// Class is what the heads of a line are together. A head without a class panics, as a
// list that cannot be read does.
func Class[C ~uint64](heads []string, named map[string]C) C {
	var all C
	for _, h := range heads {
		c, ok := named[h]
		if !ok {
			panic(fmt.Errorf("a list of words has the class %q, which nobody knows", h))
		}
		all |= c
	}
	return all
}
