package scan

import (
	"encoding/json"
	"strings"

	"doorward/internal/gate"
)

// SARIF 2.1.0 (OASIS, plus errata 01), the part of it that viewers read.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version,omitempty"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifRule struct {
		ID    string    `json:"id"`
		Short sarifText `json:"shortDescription"`
		Help  sarifText `json:"help"`
	}
	sarifResult struct {
		RuleID       string            `json:"ruleId"`
		RuleIndex    int               `json:"ruleIndex"`
		Level        string            `json:"level"`
		Message      sarifText         `json:"message"`
		Locations    []sarifLocation   `json:"locations"`
		Fingerprints map[string]string `json:"partialFingerprints"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
	sarifLogical struct {
		FullyQualifiedName string `json:"fullyQualifiedName"`
		Kind               string `json:"kind"`
	}
)

// SARIF is the report as a log for code scanning, each finding at its line of the
// client's file. uri makes a URI reference of a path; version is Doorward's own.
func (r *Report) SARIF(uri func(path string) string, version string) ([]byte, error) {
	run := sarifRun{Tool: sarifTool{sarifDriver{Name: "doorward scan", Version: version, Rules: []sarifRule{}}}, ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	index := map[string]int{}
	for _, ru := range rules() {
		index[ru.id] = len(index)
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{ru.id, sarifText{ru.title + "."}, sarifText{ru.fix + "."}})
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		if _, ok := index[f.Rule]; !ok {
			index[f.Rule] = len(index)
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{f.Rule, sarifText{f.Title + "."}, sarifText{f.Fix + "."}})
		}
		run.Results = append(run.Results, f.sarif(index[f.Rule], uri))
	}
	return json.MarshalIndent(sarifLog{
		Schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run},
	}, "", "  ")
}

func (f *Finding) sarif(index int, uri func(string) string) sarifResult {
	out := sarifResult{RuleID: f.Rule, RuleIndex: index, Level: "note", Fingerprints: map[string]string{"doorward/v1": f.Print}}
	switch f.level {
	case gate.High:
		out.Level = "error"
	case gate.Medium:
		out.Level = "warning"
	case gate.Low, gate.NoSeverity:
	}
	out.Message.Text = f.Title + ": " + f.Text + ". To do: " + f.Fix + "."
	at := sarifLocation{Physical: sarifPhysical{sarifArtifact{uri(f.File)}, sarifRegion{max(1, f.Line)}}}
	var name []string
	for _, part := range []string{f.Server, f.Kind, f.Item, f.Where} {
		if part != "" {
			name = append(name, part)
		}
	}
	if len(name) > 0 {
		at.Logical = []sarifLogical{{strings.Join(name, " "), "member"}}
	}
	out.Locations = []sarifLocation{at}
	return out
}
