package flow

import (
	"strings"
	"unicode"
)

// maxTokens bounds what is looked at of a phrase: names of tools are shorter, and a
// description says what the tool does in its first sentence.
const maxTokens = 24

// tokens are the words of a name or a sentence, in lower case and singular:
// "getPullRequests" is get, pull, request.
func tokens(phrase string) []string {
	var out []string
	var word strings.Builder
	end := func() {
		if word.Len() > 0 && len(out) < maxTokens {
			out = append(out, singular(word.String()))
		}
		word.Reset()
	}
	runes := []rune(phrase[:min(len(phrase), maxTokens*32)])
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r):
			end()
			continue
		case unicode.IsUpper(r) && i > 0 && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])):
			end()
		}
		word.WriteRune(unicode.ToLower(r))
		if len(out) >= maxTokens {
			return out
		}
	}
	end()
	return out
}

// singular takes the plural of nouns and the third person of verbs back.
func singular(w string) string {
	switch {
	case len(w) < 4 || w == "news" || strings.HasSuffix(w, "ss") || strings.HasSuffix(w, "us") || strings.HasSuffix(w, "is"):
		return w
	case strings.HasSuffix(w, "ies"):
		return w[:len(w)-3] + "y"
	case strings.HasSuffix(w, "ches"), strings.HasSuffix(w, "shes"), strings.HasSuffix(w, "sses"), strings.HasSuffix(w, "xes"):
		return w[:len(w)-2]
	case strings.HasSuffix(w, "s"):
		return w[:len(w)-1]
	}
	return w
}

// sentence is the first one of a text: to the first full stop that ends a word, or
// the first line.
func sentence(text string) string {
	text = strings.TrimSpace(text[:min(len(text), 4<<10)])
	if i := strings.IndexByte(text, '\n'); i >= 0 {
		text = text[:i]
	}
	for i := 0; i+1 < len(text); i++ {
		if text[i] == '.' && text[i+1] == ' ' {
			return text[:i]
		}
	}
	return text
}
