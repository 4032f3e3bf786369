// Package words says what files of a colony hold as people say it: for every
// program that shows a colony to them.
package words
