// Package chart renders deploy/helm/doorward as Helm does, for its tests.
//
// Helm's own engine brings the whole client of Kubernetes with it, which takes minutes to
// compile. What it adds to text/template and sprig is small, and what the chart uses of it
// is here: include, required, fail, toYaml, fromYaml, and the objects Values, Release and
// Chart. A template that uses more does not parse.
package chart

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
	"sigs.k8s.io/yaml"
)

// Chart is a chart's directory, read.
type Chart struct {
	Values    map[string]any // of values.yaml
	meta      map[string]any
	templates map[string]string // by the file's name
}

// Load reads a chart's directory.
func Load(dir string) (*Chart, error) {
	c := &Chart{templates: map[string]string{}}
	for name, into := range map[string]*map[string]any{"values.yaml": &c.Values, "Chart.yaml": &c.meta} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		if err := yaml.UnmarshalStrict(text, into); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "templates", "*"))
	if err != nil {
		return nil, err
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		c.templates[filepath.Base(path)] = string(text)
	}
	return c, nil
}

// With are the chart's values under those of a file of a user's, as Helm merges them:
// maps key by key, everything else whole.
func (c *Chart) With(file []byte) (map[string]any, error) {
	var mine map[string]any
	if err := yaml.UnmarshalStrict(file, &mine); err != nil {
		return nil, err
	}
	return Over(c.Values, mine), nil
}

// Over is a copy of below with what is above put over it, as Helm merges values.
func Over(below, above map[string]any) map[string]any {
	all := map[string]any{}
	for key, value := range below {
		if m, ok := value.(map[string]any); ok {
			value = Over(m, nil)
		}
		all[key] = value
	}
	for key, value := range above {
		mine, isMap := value.(map[string]any)
		if theirs, both := all[key].(map[string]any); isMap && both {
			value = Over(theirs, mine)
		}
		all[key] = value
	}
	return all
}

// Render renders every template with values, by its file's name.
func (c *Chart) Render(release string, values map[string]any) (map[string]string, error) {
	root := template.New("chart").Option("missingkey=zero")
	root.Funcs(functions(root))
	for name, text := range c.templates {
		if _, err := root.New(name).Parse(text); err != nil {
			return nil, err
		}
	}
	meta := map[string]any{}
	for key, value := range c.meta { // Helm has .Chart.Name of name
		meta[strings.ToUpper(key[:1])+key[1:]] = value
	}
	data := map[string]any{
		"Values": values, "Chart": meta,
		"Release": map[string]any{"Name": release, "Namespace": "tools", "Service": "Helm"},
	}
	out := map[string]string{}
	for name := range c.templates {
		if strings.HasPrefix(name, "_") {
			continue
		}
		var b bytes.Buffer
		if err := root.ExecuteTemplate(&b, name, data); err != nil {
			return nil, err
		}
		// As Helm does: a value that is not there prints nothing.
		out[name] = strings.ReplaceAll(b.String(), "<no value>", "")
	}
	return out, nil
}

// functions are sprig's, without what Helm takes out, and Helm's own that the chart uses.
func functions(root *template.Template) template.FuncMap {
	all := maps.Clone(sprig.TxtFuncMap())
	delete(all, "env")
	delete(all, "expandenv")
	all["fail"] = func(why string) (string, error) { return "", errors.New(why) }
	all["required"] = func(why string, v any) (any, error) {
		if v == nil || v == "" {
			return nil, errors.New(why)
		}
		return v, nil
	}
	all["include"] = func(name string, data any) (string, error) {
		var b strings.Builder
		err := root.ExecuteTemplate(&b, name, data)
		return b.String(), err
	}
	all["toYaml"] = func(v any) (string, error) {
		b, err := yaml.Marshal(v)
		return strings.TrimSuffix(string(b), "\n"), err
	}
	all["fromYaml"] = func(text string) (map[string]any, error) {
		m := map[string]any{}
		return m, yaml.Unmarshal([]byte(text), &m)
	}
	return all
}
