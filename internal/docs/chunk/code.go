package chunk

import (
	"regexp"
	"strings"
)

// declares finds the line that says what a stretch of code declares, in the languages of
// braces and of indentation that are most written.
var declares = regexp.MustCompile(`^(?:(?:pub(?:\([a-z]+\))?|export|default|public|private|protected|internal|static|final|abstract|async|open|sealed|inline|extern|unsafe|local|override|data|CREATE|create)\s+)*` +
	`(?:fn|func|fun|function|def|defmodule|defp|class|interface|struct|enum|trait|impl|type|module|namespace|object|protocol|extension|record|message|service|resource|sub|TABLE|table|VIEW|view)\b.*`)

// maxDeclared is the most of such a line that makes a heading, in bytes.
const maxDeclared = 160

// code cuts source code where a line begins at the left edge behind a blank one: that is
// where declarations begin in languages of braces and of indentation alike.
func code(body string) *Text {
	t := &Text{Type: "text/plain", Body: body}
	blank := true
	at := 0
	for line := range strings.Lines(body) {
		switch {
		case strings.TrimSpace(line) == "":
			blank = true
		case blank && len(t.blocks) < maxBlocks && !strings.ContainsRune(" \t})]", rune(line[0])):
			t.blocks, blank = append(t.blocks, block{start: at}), false
		default:
			blank = false
		}
		at += len(line)
	}
	if len(t.blocks) == 0 || t.blocks[0].start > 0 {
		t.blocks = append([]block{{}}, t.blocks...)
	}
	for i := range t.blocks {
		end := len(body)
		if i+1 < len(t.blocks) {
			end = t.blocks[i+1].start
		}
		t.blocks[i].heading = declared(body[t.blocks[i].start:end])
	}
	return t
}

// declared is the first declaration of a stretch of code, on one line.
func declared(s string) string {
	for line := range strings.SplitSeq(s, "\n") {
		if len(line) < 1<<10 && declares.MatchString(line) {
			line = strings.TrimRight(line, " \t{:;(")
			return shorten(strings.ReplaceAll(strings.Join(strings.Fields(line), " "), under, " "), maxDeclared)
		}
	}
	return ""
}
