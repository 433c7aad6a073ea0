package sight_test

import (
	"strings"
	"testing"

	"doorward/internal/sight"
)

// What hides an element goes on to hide it where a later value is none that every browser takes.
func TestUncertainValuesShowNothing(t *testing.T) {
	for hides, later := range map[string][]string{
		"display:none":         {"display:block grid", "display:flow", "display:block block", "display:var(--a,)", "display:var(a,block)", "display:var(--a b,block)", "display:ruby-base"},
		"visibility:hidden":    {"visibility:visible visible", "visibility:shown"},
		"opacity:0":            {"opacity:1 1", "opacity:(1)", "opacity:1px", "opacity:calc(1)", "opacity:auto"},
		"font-size:0":          {"font-size:16px 16px", "font-size:auto", "font-size:16", "font-size:-16px", "font-size:calc(16px -(0px))", "font:16px 16px serif", "font:garbage 16px serif", "font:bold bold 16px serif", "font:16px", "font:16px/ serif", "font:16px/x serif", "font:16px inherit", "font:16px a,", "font:16px a,,b", `font:16px "a" b`, "font:1e9 16px serif"},
		"text-indent:-9999px":  {"text-indent:0 0", "text-indent:auto"},
		"left:-9999px":         {"left:normal", "left:0 0", "left:5", "left:none", "left:1xx"},
		"scale:0":              {"scale:normal", "scale:1 1 1 1"},
		"zoom:0":               {"zoom:none", "zoom:1 1", "zoom:-1"},
		"transform:scale(0)":   {"transform:foo(1)", "transform:rotate(1px)", "transform:scale(1,1,1,1)", "transform:scale(1px)", "transform:scale()", "transform:none none"},
		"filter:opacity(0)":    {"filter:foo(1)", "filter:none none"},
		"clip:rect(0 0 0 0)":   {"clip:rect(auto)", "clip:none"},
		"clip-path:inset(50%)": {"clip-path:inset()", "clip-path:auto", "clip-path:inset(0 0 0 0 0)"},
		"margin:-999px":        {"margin:0 0 0 0 0", "margin:none", "margin:1 1"},
		"color:white": {
			"background:white black", "background-color:black center", "color:rgb(0px,0px,0px)", "color:color(foo 0 0 0)", "color:rgb(0,0%,0)", "color:rgb(0 0,0)", "color:rgb(0,0,0,)", "color:rgb(0 0 0 0)",
			"color:hsl(0,0,0)", "color:black black", "color:rgba(0,0,0,1px)", "background:url(x) left left", "background:url(x) url(y)", "background:linear-gradient(red)", "background:linear-gradient(red,)", "background:linear-gradient(to,red,blue)",
			"background:linear-gradient(red,1)", "background:url(x) no-repeat no-repeat", "background:foo(x)", "background:url(x)/", "background:url(x) 0 / none", "background:no-repeat",
		},
		"width:0;overflow:hidden":      {"width:none", "width:-1px", "width:10", "width:1px 1px", "overflow:visible visible x"},
		"max-height:0;overflow:hidden": {"max-height:auto", "max-height:9"},
	} {
		for _, v := range later {
			if !styled(hides + ";" + v) {
				t.Errorf("%s;%s is seen", hides, v)
			}
		}
	}
}

// And it is seen again by one that every browser takes.
func TestCertainValuesShow(t *testing.T) {
	for hides, later := range map[string][]string{
		"display:none":         {"display:block", "display:table-cell", "display:initial", "--a:block;display:var(--a)"},
		"visibility:hidden":    {"visibility:visible"},
		"opacity:0":            {"opacity:1", "opacity:100%"},
		"font-size:0":          {"font-size:16px", "font-size:larger", "font:16px serif", "font:italic bold 16px/1.5 A B,'C',serif", "font:100 small-caps 120%/20px x"},
		"text-indent:-9999px":  {"text-indent:0", "text-indent:1em"},
		"left:-9999px":         {"left:auto", "left:50%", "left:0"},
		"scale:0":              {"scale:none"},
		"zoom:0":               {"zoom:1", "zoom:100%"},
		"transform:scale(0)":   {"transform:none", "transform:scale(1)"},
		"filter:opacity(0)":    {"filter:none"},
		"clip:rect(0 0 0 0)":   {"clip:auto"},
		"clip-path:inset(50%)": {"clip-path:none"},
		"margin:-999px":        {"margin:0 auto", "margin:1em 2em 3em 4em"},
		"color:white": {
			"color:rgb(0,0,0)", "color:rgb(0 0 0/1)", "color:rgba(0%,0%,0%,.9)", "color:hsl(120,50%,30%)", "color:hsl(.3turn 50% 30%)", "background:black", "background-color:navy", "background:#000 url(x.png) no-repeat 0 0", `background:url("x") center top/cover`,
			"background:linear-gradient(to right,#123,blue 50%)", "background:linear-gradient(45deg,red,rgb(1,2,3))", "background:radial-gradient(circle,red,blue)",
		},
		"width:0;overflow:hidden":      {"width:auto", "width:50%"},
		"max-height:0;overflow:hidden": {"max-height:none", "max-height:9em"},
	} {
		for _, v := range later {
			if styled(hides + ";" + v) {
				t.Errorf("%s;%s is not seen", hides, v)
			}
		}
	}
}

func TestHidingValues(t *testing.T) {
	for style, want := range map[string]bool{ // whether it is not seen
		"clip:rect(0,auto,0,auto)":                                                    true,
		"position:absolute;clip:rect(0,auto,0,auto)":                                  true,
		"clip:rect(auto,0,auto,0)":                                                    true,
		"clip:rect(auto,1px,auto,auto)":                                               true,
		"clip:rect(auto,auto,auto,auto)":                                              false,
		"clip:rect(10px,auto,90px,auto)":                                              false,
		"clip-path:inset(50%) border-box":                                             true,
		"clip-path:border-box inset(50%)":                                             true,
		"clip-path:rect(0 0 0 0)":                                                     true,
		"clip-path:rect(0 auto 0 auto)":                                               true,
		"clip-path:rect(auto auto auto auto)":                                         false,
		"clip-path:rect(0 100% 100% 0)":                                               false,
		"clip-path:rect(50% 100% 50% 0 round 1px)":                                    true,
		"clip-path:rect(0 100px 100px 0)":                                             false,
		"clip-path:xywh(0 0 0 0)":                                                     true,
		"clip-path:xywh(0 0 100% 100%)":                                               false,
		"font-size:0dvi":                                                              true,
		"font-size:0svmin":                                                            true,
		"width:0svmin;overflow:hidden":                                                true,
		"left:-99lh":                                                                  true,
		"left:-99lvw":                                                                 false,
		"left:-100lvb":                                                                true,
		"opacity:calc(0/0)":                                                           true,
		"color:#fff;background:linear-gradient(white,#fefefe)":                        true,
		"color:#fff;background:linear-gradient(transparent,transparent)":              true,
		"color:#fff;background:linear-gradient(transparent,black)":                    false,
		"color:#fff;background:#000 linear-gradient(red,blue)":                        false,
		"color:#fff;background:#fff url(x)":                                           true,
		"color:#fff;background:url(x) #fff":                                           true,
		"color:#fff;background:url(x) transparent":                                    false,
		"color:#fff;background:#000 url(x)":                                           false,
		"color:#fff;background:#000 linear-gradient(white,white)":                     true,
		"opacity:max(1,0/0)":                                                          true,
		"color:hsl(0 100% 98%)":                                                       true,
		"color:hsl(60,100%,50%);background:#ff0":                                      true,
		"color:hsl(240deg 100% 50%);background:blue":                                  true,
		"color:hwb(240 0% 0%);background:blue":                                        true,
		"color:hwb(120 40% 40%)":                                                      false,
		"--a:none;--A:block;display:var(--a)":                                         true,
		"--a:none;--A:block;display:var(--A)":                                         false,
		`--a:none;--\41:block;display:var(--a)`:                                       true,
		"--a:initial;display:var(--a,none)":                                           true,
		"--a:var(--b);display:var(--a,none)":                                          true,
		"--a:var(--a);display:var(--a,none)":                                          true,
		"--a:block;display:var(--a,none)":                                             false,
		"color:var(--b)":                                                              false,
		"x{}color:ffffff":                                                             true,
		"color:color(srgb .99 1 1)":                                                   true,
		"color:oklch(.5 .1 20);background:oklch(.5 .1 20)":                            true,
		"opacity:" + strings.Repeat("1 ", 200):                                        true,
		"border:" + strings.Repeat("1 ", 200):                                         false,
		"display:var(--a);--a:" + strings.Repeat("x ", 200):                           true,
		"color:var(--a);--a:" + strings.Repeat("x ", 200):                             true,
		"background:var(--a);--a:" + strings.Repeat("x ", 200):                        true,
		"overflow:var(--a);width:0;--a:" + strings.Repeat("x ", 200):                  true,
		"clip-path:polygon(" + strings.Repeat("0 0,9px 9px,0 99px,", 20) + "1px 1px)": false,
		"a:b;" + strings.Repeat(" ", 64<<10):                                          true,
	} {
		if got := styled(style); got != want {
			t.Errorf("%.80q: not seen %v, want %v", style, got, want)
		}
	}
}

// Colours that an attribute and a style say, in every way that browsers read both, are held together.
func TestColoursOfAttributesAndStyles(t *testing.T) {
	for _, c := range []struct {
		style, ground string
		want          bool
	}{
		{"color:000000", "black", true},
		{"x{}color:ffffff", "", true},
		{"x{}color:black", "black", true},
		{"color:ffffff", "black", false},
		{"color:white", "black", false},
		{"x{}color:white", "black", false},
		{"x{}color:red", "black", false},
	} {
		var e sight.Element
		e.Attribute("style", c.style)
		e.Attribute("bgcolor", c.ground)
		if got := e.Invisible(); got != c.want {
			t.Errorf("%q on %q: not seen %v, want %v", c.style, c.ground, got, c.want)
		}
	}
}
