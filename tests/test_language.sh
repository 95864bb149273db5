#!/bin/sh
# test_language.sh - the language of comments, messages and pages (tools/words), and that tools/words finds what it forbids.
. "$(dirname "$0")/expect.sh"
root=$here/..
"$root/tools/words" >out 2>err
is $? 0 "status of tools/words ($(head -n 5 out))"
holds out "comments: "
holds out "pages: "

mkdir -p tree/tools tree/src
cp "$root/tools/words" tree/tools/words
cat >tree/src/a.c <<'EOF'
/* a.c - a recipe. Of this there is none. What is whose? */
/* How is this? */
static int wants(int x) { return x ? 1 : fail("the loss is no number"); }
EOF
echo "The model learnt a lot. Whose what is what, whose is whose." >tree/README.md
tree/tools/words >out 2>err
is $? 1 "status of tools/words about bad language"
holds out 'src/a.c:1: " recipe."; write: quantization preset'
holds out 'src/a.c:1: a sentence begins with "Of"'
holds out 'src/a.c:2: a sentence begins with "How"'
holds out 'src/a.c:3: identifier " wants("; use requires_grad'
holds out 'src/a.c:3: "is no number"; write: is NaN or infinite'
holds out './README.md:1: " learnt "; write: trained'
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
