package launch

import (
	"fmt"
	"strings"
)

// splitOption tells whether a word is env's option that holds words, alone or behind
// options that take nothing: -S, -vS, -S'a b', --split-string=a.
func splitOption(word string) bool {
	if strings.HasPrefix(word, "--") {
		key, _, _ := strings.Cut(word, "=")
		return len(key) > 3 && strings.HasPrefix("--split-string", key)
	}
	return len(word) > 1 && word[0] == '-' && strings.HasPrefix(strings.TrimLeft(word[1:], "i0v"), "S")
}

// afterSplit is the text that the option which words begin with holds, and the words
// after it.
func afterSplit(words []string) (text string, rest []string) {
	word := words[0]
	joined := false
	if strings.HasPrefix(word, "--") {
		_, text, joined = strings.Cut(word, "=")
	} else {
		text = strings.TrimLeft(word[1:], "i0v")[1:]
		joined = text != ""
	}
	if joined || len(words) < 2 {
		return text, words[1:]
	}
	return words[1], words[2:]
}

// splitString splits text as env -S does (GNU coreutils manual, "-S/--split-string
// usage in scripts"). What depends on the environment, ${NAME}, is an error: which
// file it names cannot be known.
func splitString(text string) ([]string, error) {
	var words []string
	var word strings.Builder
	open, quote := false, byte(0)
	end := func() {
		if open {
			words = append(words, word.String())
		}
		word.Reset()
		open = false
	}
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && quote != '\'':
			i++
			if i == len(text) {
				return nil, fmt.Errorf("%w: env -S ends in a backslash", errWrapped)
			}
			switch e := text[i]; {
			case e == 'c' && quote == 0:
				end()
				return words, nil
			case e == '_' && quote == 0:
				end()
			default:
				open = true
				word.WriteByte(unescaped(e))
			}
		case c == '\\' && i+1 < len(text) && (text[i+1] == '\\' || text[i+1] == '\''): // all that single quotes know
			i++
			word.WriteByte(text[i])
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote, open = c, true
		case c == '$' && quote != '\'':
			return nil, fmt.Errorf("%w: env -S names a variable", errWrapped)
		case quote == 0 && strings.IndexByte(" \t\n\r\v\f", c) >= 0:
			end()
		case quote == 0 && c == '#' && !open:
			return words, nil
		default:
			open = true
			word.WriteByte(c)
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("%w: env -S has a quotation without end", errWrapped)
	}
	end()
	return words, nil
}

// unescaped is what a letter after a backslash means.
func unescaped(c byte) byte {
	if i := strings.IndexByte("fnrtv_", c); i >= 0 {
		return "\f\n\r\t\v "[i]
	}
	return c
}
