package checklist

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// sarifVersion is the version of the Static Analysis Results Interchange Format
// (OASIS, 2.1.0 plus errata 01) that SARIF writes.
const sarifVersion = "2.1.0"

type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool       sarifTool      `json:"tool"`
	ColumnKind string         `json:"columnKind"`
	Results    []sarifResult  `json:"results"`
	Properties map[string]any `json:"properties"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name    string      `json:"name"`
	Version string      `json:"version,omitempty"`
	Rules   []sarifRule `json:"rules"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifRule struct {
	ID               string            `json:"id"`
	ShortDescription sarifText         `json:"shortDescription"`
	Help             sarifText         `json:"help"`
	Properties       map[string]string `json:"properties"`
}

type sarifResult struct {
	RuleID       string            `json:"ruleId"`
	RuleIndex    int               `json:"ruleIndex"`
	Kind         string            `json:"kind"`
	Level        string            `json:"level"`
	Message      sarifText         `json:"message"`
	Locations    []sarifLocation   `json:"locations"`
	Fingerprints map[string]string `json:"partialFingerprints"`
}

type sarifLocation struct {
	Physical sarifPhysical  `json:"physicalLocation"`
	Logical  []sarifLogical `json:"logicalLocations,omitempty"`
}

type sarifPhysical struct {
	Artifact struct {
		URI string `json:"uri"`
	} `json:"artifactLocation"`
	Region struct {
		StartLine int `json:"startLine"`
	} `json:"region"`
}

type sarifLogical struct {
	FullyQualifiedName string `json:"fullyQualifiedName"`
	Kind               string `json:"kind"`
}

// SARIF is the report as a log for code scanning: what fails is an error, what
// warns a warning, each at its line of the configuration, which is at uri; what is
// not about the file is at its first line. What is in order is left out: viewers
// show every result as something to do. version is Doorward's own.
func (r *Report) SARIF(uri, version string) ([]byte, error) {
	run := sarifRun{
		Tool:       sarifTool{sarifDriver{Name: "doorward check", Version: version}},
		ColumnKind: "unicodeCodePoints", Results: []sarifResult{}, Properties: map[string]any{"declares": r.Declares},
	}
	for _, e := range Entries() {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{
			ID: e.ID, ShortDescription: sarifText{e.Title + "."}, Help: sarifText{e.Fix + ". See " + e.Reference + "."},
			Properties: map[string]string{"reference": e.Reference},
		})
	}
	for i, item := range r.Items {
		for _, e := range item.Evidence {
			if e.Status == Fail || e.Status == Warn {
				run.Results = append(run.Results, resultOf(i, item, e, uri))
			}
		}
	}
	return json.MarshalIndent(sarifLog{
		Schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json", Version: sarifVersion, Runs: []sarifRun{run},
	}, "", "  ")
}

func resultOf(index int, item Item, e Evidence, uri string) sarifResult {
	out := sarifResult{RuleID: item.ID, RuleIndex: index, Kind: "fail", Level: "warning"}
	if e.Status == Fail {
		out.Level = "error"
	}
	seen := e.Text
	if e.Path != "" {
		seen = e.Path + ": " + seen
	}
	out.Message.Text = seen + ". To do: " + item.Fix + "."
	at := sarifLocation{}
	at.Physical.Artifact.URI = uri
	at.Physical.Region.StartLine = max(1, e.Line)
	if e.Path != "" {
		at.Logical = []sarifLogical{{e.Path, "member"}}
	}
	out.Locations = []sarifLocation{at}
	// Of what and where, and not of the line: a result stays the same one when lines
	// are added above it.
	sum := sha256.Sum256([]byte(item.ID + "\x00" + e.Path + "\x00" + e.Text))
	out.Fingerprints = map[string]string{"doorward/v1": hex.EncodeToString(sum[:16])}
	return out
}
