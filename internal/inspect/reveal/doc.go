// Package reveal finds what a text holds that people do not see, and gives every
// reading of it besides the one that is shown: hidden characters (Unicode tags,
// zero-width, bidirectional, variation selectors, fillers, private use), letters
// that look like others, terminal sequences, markup that is not displayed, text
// pushed out of sight, and encodings whose decoded text people could read.
//
// The detectors of definitions, arguments and results call it first: they match
// Fold of the text and of every Layer. Scan is for texts from anywhere, in which
// a lone character of no width or a comment happens; ScanDefinition is for texts
// that somebody wrote for models to read, in which nothing of the kind happens.
//
// What is hidden is decided from the properties of characters (Unicode 15 and
// later: Cf, Cc, Co, Cn, Default_Ignorable_Code_Point, Variation_Selector), and
// a character is let off only where it is known to do honest work: a joiner in
// Persian or Hindi, a selector after an emoji, a mark in Hebrew. So a trick that
// nobody has used yet is seen too.
//
// The package says nothing about what a text means, changes nothing and keeps no
// state. Its findings carry no place: the caller knows where the text stood.
package reveal
