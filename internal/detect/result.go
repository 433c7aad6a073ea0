package main

import (
	"doorward/internal/gate"
	"doorward/internal/inspect/injection"
	"doorward/internal/inspect/reveal"
)

// judgeText is what the stage inspect asks about a text of a result: hidden text
// counts at High only, for terminals' colours and comments of pages are honest.
func judgeText(c *Case, _ *house) (verdict, error) {
	found := injection.ScanLayers(c.Text, reveal.Layers(c.Text))
	for _, f := range reveal.Scan(c.Text) {
		if f.Severity >= gate.High {
			found = append(found, f)
		}
	}
	return verdictOf(found), nil
}
