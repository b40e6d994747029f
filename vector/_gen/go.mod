module github.com/nearlite/nearlite/vector/_gen

go 1.26.0
