package main

import (
	"encoding/json"
	"strings"

	"doorward/internal/gate"
	"doorward/internal/inspect/personal"
	"doorward/internal/inspect/secrets"
)

// judgeSecrets looks at each text, and at what several make together.
func judgeSecrets(c *Case, _ *house) (verdict, error) {
	list := texts(c)
	var found []gate.Finding
	for _, text := range list {
		found = append(found, secrets.Scan(text)...)
	}
	var pieces secrets.Pieces
	return verdictOf(append(found, pieces.Add("", list)...)), nil
}

func judgePersons(c *Case, _ *house) (verdict, error) {
	var found []gate.Finding
	for _, text := range texts(c) {
		found = append(found, personal.Scan(text)...)
	}
	return verdictOf(found), nil
}

// texts are the strings of a result or of a call's arguments, in their order.
func texts(c *Case) []string {
	if c.Call == nil {
		return []string{c.Text}
	}
	return stringsOf(c.Call.Arguments)
}

// stringsOf are the strings of a JSON value, object keys left out. Arguments
// that are no JSON are one string.
func stringsOf(value json.RawMessage) []string {
	dec := json.NewDecoder(strings.NewReader(string(value)))
	var list []string
	key := []bool{}
	atKey := false
	for {
		token, err := dec.Token()
		if err != nil {
			return list
		}
		switch t := token.(type) {
		case json.Delim:
			switch t {
			case '{', '[':
				key = append(key, t == '{')
				atKey = t == '{'
				continue
			default:
				key = key[:len(key)-1]
			}
		case string:
			if !atKey {
				list = append(list, t)
			}
		}
		inObject := len(key) > 0 && key[len(key)-1]
		if _, closing := token.(json.Delim); closing {
			atKey = inObject
		} else {
			atKey = inObject && !atKey
		}
	}
}
