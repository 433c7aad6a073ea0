package keyring

import (
	"encoding/hex"
	"strings"
)

// securityPassword reads what `security find-generic-password -g` prints on stderr (macOS): the
// password in quotation marks, or its bytes in hexadecimal where one of them cannot be printed.
func securityPassword(printed string) (text string, ok bool) {
	for line := range strings.Lines(printed) {
		rest, is := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "password: ")
		if !is {
			continue
		}
		if coded, is := strings.CutPrefix(rest, "0x"); is {
			coded, _, _ = strings.Cut(coded, " ")
			bytes, err := hex.DecodeString(coded)
			return string(bytes), err == nil
		}
		if len(rest) < 2 || rest[0] != '"' || rest[len(rest)-1] != '"' {
			return "", false
		}
		return rest[1 : len(rest)-1], true
	}
	return "", false
}
