/* The store: saved trees are loaded in the same bits, two processes lose nothing of each other, and damaged, foreign,
 * newer, read-only and missing files give one sentence, or are computed again. */
#include "base/file.h"
#include "session/tree.h"
#include "process.h"
#include "stored.h"
#include "base/platform/entry.h"
#include <utime.h>
#include <sqlite3.h>

/* A statement on the database, as a program that damages it. */
static void tamper(const char *sql)
{
    sqlite3 *db;
    char *why = NULL;
    EXPECT_EQ(sqlite3_open(in_folder("store/wkv.db"), &db), 0);
    if (sqlite3_exec(db, sql, NULL, NULL, &why)) FAILED("%s: %s", sql, why);
    sqlite3_close(db);
}

/* ---- round trips ------------------------------------------------------------------------------------------------- */

/* Save, quit and load between all turns: the bits of a conversation without. Also the sampler's random numbers. */
static void continues(void)
{
    uint64_t expected[3];
    wkv_tree *straight;
    fresh();
    must(wkv_tree_new(&straight, c, t));
    for (int i = 0; i < 3; i++) expected[i] = bits_at(straight, turn(straight, questions[i]));
    for (int i = 0; i < 3; i++) {
        wkv_store *s = opened();
        wkv_store_session x;
        if (!i) must(wkv_store_create(&x, s, "book", c, "plain"));
        wkv_tree *tree = loaded(s, &x, "book");
        EXPECT_EQ(wkv_tree_count(tree), 2 * i);
        turn(tree, questions[i]);
        EXPECT_EQ(wkv_store_save(s, &x, tree), 0);
        EXPECT_EQ(wkv_store_save(s, &x, tree), 0); /* nothing new */
        wkv_tree_free(tree);
        tree = loaded(s, &x, "book");
        for (int k = 0; k <= i; k++) EXPECT_EQ(bits_at(tree, 2 * k + 1), expected[k]);
        EXPECT_STR(wkv_tree_node(tree, 2 * i)->text, questions[i]);
        EXPECT_STR(wkv_tree_node(tree, 2 * i + 1)->text, wkv_tree_node(straight, 2 * i + 1)->text);
        wkv_tree_free(tree);
        wkv_store_close(s);
    }
    EXPECT_EQ(states(), 3);
    wkv_tree_free(straight);
}

static void is_private(void)
{
#ifdef _WIN32
    SKIP("modes of files: of POSIX");
#endif
    entry_info about;
    fresh();
    wkv_store_close(opened());
    EXPECT(!entry_read(&about, in_folder("store")) && (about.mode & 0777) == 0700);
    EXPECT(!entry_read(&about, in_folder("store/wkv.db")) && (about.mode & 0777) == 0600);
}

/* A question without its answer: the conversation stopped in between. */
static void stops_at_a_question(void)
{
    wkv_store_session x;
    wkv_session *p;
    fresh();
    make("book", NULL);
    wkv_store *s = opened();
    wkv_tree *tree = loaded(s, &x, "book");
    must(wkv_tree_session(&p, tree, wkv_tree_head(tree)));
    must(wkv_session_append_text(p, "User: Why?\n\nAssistant:", 22));
    finish(p, NULL, NULL, 0);
    must(wkv_tree_add(tree, wkv_tree_head(tree), &(wkv_node){.role = WKV_ROLE_USER, .text = "Why?"}, p));
    wkv_session_free(p);
    EXPECT_EQ(wkv_store_save(s, &x, tree), 0);
    EXPECT_EQ(states(), 3);
    const wkv_node last = tree_at(tree, 6)->about;
    const uint64_t bits = bits_at(tree, 6);
    wkv_tree_free(tree);
    tree = loaded(s, &x, "book");
    EXPECT_EQ(wkv_tree_head(tree), 6);
    EXPECT_EQ(bits_at(tree, 6), bits);
    EXPECT(last.draws > 0 && tree_at(tree, 6)->about.draws == last.draws && tree_at(tree, 6)->about.seed == last.seed);
    wkv_tree_free(tree);
    wkv_store_close(s);
}

/* Branches, marks and a mix. */
static void keeps_branches(void)
{
    wkv_store_session x;
    wkv_session *p[2];
    uint64_t bits[8];
    fresh();
    make("book", NULL);
    wkv_store *s = opened();
    wkv_tree *tree = loaded(s, &x, "book");
    must(wkv_tree_mark(tree, "end", 5));
    must(wkv_tree_branch(tree, "begin", 1));
    must(wkv_tree_go(tree, 1));
    turn(tree, "Why?");
    for (int i = 0; i < 2; i++) {
        must(wkv_tree_session(&p[i], tree, 1 + 2 * i));
        finish(p[i], NULL, NULL, 0);
    }
    const int mix = wkv_tree_mix(tree, (const int[]){1, 3}, (const wkv_session *const *)p, (const float[]){1, 3}, 2);
    EXPECT_EQ(mix, 8);
    turn(tree, "And?");
    for (int i = 0; i < 8; i++) bits[i] = bits_at(tree, i + 3);
    EXPECT_EQ(wkv_store_save(s, &x, tree), 0);
    wkv_tree_free(tree);
    tree = loaded(s, &x, "book");
    EXPECT_EQ(wkv_tree_count(tree), 11);
    EXPECT_EQ(wkv_tree_head(tree), 10);
    EXPECT_EQ(wkv_tree_node(tree, 6)->parent, 1);
    EXPECT_EQ(wkv_tree_node(tree, mix)->n_parts, 2);
    EXPECT_EQ(wkv_tree_node(tree, mix)->parts[1], 3);
    EXPECT_NEAR(wkv_tree_node(tree, mix)->weights[1], 3, 0);
    for (int i = 0; i < 8; i++) EXPECT_EQ(bits_at(tree, i + 3), bits[i]);
    EXPECT_EQ(wkv_tree_find(tree, "end"), 5);
    EXPECT_EQ(wkv_tree_find(tree, "begin"), 7);
    must(wkv_tree_mark(tree, "end", WKV_NOWHERE));
    must(wkv_tree_branch(tree, "begin", 3));
    EXPECT_EQ(wkv_store_save(s, &x, tree), 0);
    wkv_tree_free(tree);
    tree = loaded(s, &x, "book");
    EXPECT_EQ(wkv_tree_find(tree, "end"), -2);
    EXPECT_EQ(wkv_tree_find(tree, "begin"), 3);
    must(wkv_tree_go(tree, WKV_NOWHERE));
    EXPECT_EQ(wkv_store_save(s, &x, tree), 0);
    EXPECT_EQ(wkv_store_find(&x, s, "book"), 1);
    EXPECT(!*x.head && !*x.preview && !x.turns);
    EXPECT_EQ(x.messages, 11);
    must(wkv_tree_go(tree, 10));
    EXPECT_EQ(wkv_store_save(s, &x, tree), 0);
    wkv_tree_free(tree);

    wkv_store_messages *all;
    EXPECT_EQ(wkv_store_read(&all, s, &x), 0);
    EXPECT_EQ(all->n, 11);
    EXPECT_EQ(all->head, 10);
    EXPECT_EQ(all->n_names, 1);
    EXPECT_STR(all->names[0].name, "begin");
    EXPECT_EQ(all->names[0].node, 3);
    EXPECT_EQ(all->names[0].branch, 1);
    EXPECT(all->nodes[1].stored && !all->nodes[0].stored);
    EXPECT_EQ(all->nodes[3].total, all->nodes[1].total + all->nodes[2].n + all->nodes[3].n);
    wkv_store_messages_free(all);

    /* the same tree under another name shares the state files */
    const int before = states();
    wkv_store_session copy;
    tree = loaded(s, &x, "book");
    must(wkv_store_create(&copy, s, "copy", c, "plain"));
    EXPECT_EQ(wkv_store_save(s, &copy, tree), 0);
    EXPECT_EQ(states(), before);
    wkv_tree_free(tree);
    must(wkv_store_delete(s, &x));
    EXPECT_EQ(states(), before);
    tree = loaded(s, &copy, "copy");
    for (int i = 0; i < 8; i++) EXPECT_EQ(bits_at(tree, i + 3), bits[i]);
    wkv_tree_free(tree);
    must(wkv_store_delete(s, &copy));
    EXPECT_EQ(states(), 0);
    wkv_store_close(s);
    for (int i = 0; i < 2; i++) wkv_session_free(p[i]);
}

/* A conversation that began with a state file continues from it, question by question. */
static void keeps_an_origin(void)
{
    wkv_store_session x;
    wkv_state_file *f;
    wkv_session *p;
    wkv_tree *tree;
    fresh();
    wkv_store *s = opened();
    must(wkv_session_new(&p, m, t));
    must(wkv_session_append_text(p, "Once upon a time", 16));
    finish(p, NULL, NULL, 0);
    must(wkv_session_save(p, c, NULL, in_folder("story.safetensors")));
    wkv_session_free(p);
    must(wkv_state_file_open(&f, in_folder("story.safetensors")));
    const wkv_state_file *both[] = {f, f};
    must(wkv_state_file_mix(in_folder("mix.safetensors"), both, NULL, 2));
    wkv_state_file_close(f);
    must(wkv_state_file_open(&f, in_folder("mix.safetensors")));
    must(wkv_session_load(&p, f, c, t));
    must(wkv_store_create(&x, s, "story", c, NULL));
    must(wkv_store_load(&tree, s, &x, c, t));
    must(wkv_tree_add(tree, WKV_NOWHERE, &(wkv_node){.role = WKV_ROLE_TEXT, .text = "mix"}, p));
    turn(tree, "Why?");
    EXPECT_EQ(wkv_store_save(s, &x, tree), 0);
    EXPECT_EQ(states(), 3);
    uint64_t bits[3];
    for (int i = 0; i < 3; i++) bits[i] = bits_at(tree, i);
    wkv_tree_free(tree);
    tree = loaded(s, &x, "story");
    for (int i = 0; i < 3; i++) EXPECT_EQ(bits_at(tree, i), bits[i]);
    wkv_tree_free(tree);
    wkv_session_free(p);
    wkv_state_file_close(f);
    must(wkv_store_delete(s, &x));
    wkv_store_close(s);
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

static void lists_and_finds(void)
{
    wkv_store_session x, y, *all;
    int n;
    fresh();
    make("book", NULL);
    make("bookkeeping", NULL);
    wkv_store *s = opened();
    EXPECT_EQ(wkv_store_create(&x, s, "book", c, NULL), WKV_ECONFLICT);
    EXPECT_HAS(wkv_error(), "session 'book' exists already");
    EXPECT_EQ(wkv_store_create(&x, s, NULL, c, NULL), 0);
    EXPECT_EQ(wkv_store_create(&x, s, NULL, c, NULL), 0);
    EXPECT_EQ(wkv_store_create(&x, s, "诗 und Lied", c, NULL), 0);
    EXPECT_EQ(wkv_store_list(&all, &n, s), 0);
    EXPECT_EQ(n, 5);
    EXPECT_STR(all[0].name, "诗 und Lied");
    EXPECT_EQ(all[0].turns, 0);
    EXPECT_STR(all[0].head, "");
    wkv_store_list_free(all);
    EXPECT_EQ(wkv_store_find(&x, s, "book"), 1);
    EXPECT_EQ(x.turns, 3);
    EXPECT_EQ(x.messages, 6);
    EXPECT(x.bytes > 3 * 270000 && x.created > 0 && x.changed >= x.created && *x.preview);
    EXPECT_STR(x.model, "built-in");
    EXPECT_STR(x.template_name, "plain");
    EXPECT_EQ(wkv_store_find(&y, s, x.id), 1);
    EXPECT_STR(y.name, "book");
    x.id[9] = 0;
    EXPECT_EQ(wkv_store_find(&y, s, x.id), 1);
    EXPECT_STR(y.name, "book");
    EXPECT_EQ(wkv_store_find(&y, s, "bookk"), 1);
    EXPECT_STR(y.name, "bookkeeping");
    EXPECT_EQ(wkv_store_find(&y, s, "诗"), 1);
    EXPECT_EQ(wkv_store_find(&y, s, "boo"), WKV_EARG);
    EXPECT_HAS(wkv_error(), "several sessions begin with 'boo': book and bookkeeping");
    EXPECT_EQ(wkv_store_find(&y, s, "b%"), 0);
    EXPECT_EQ(wkv_store_find(&y, s, "none"), 0);
    EXPECT_STR(y.id, "");
    static const char *const bad[] = {"",
                                      " a",
                                      "-a",
                                      ("a\xc2\x9b"
                                       "b"),
                                      "ses_a",
                                      "a\nb",
                                      "\xff",
                                      "a name of more than sixty-four bytes is refused, since lists have columns"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        EXPECT_EQ(wkv_store_create(&x, s, bad[i], c, NULL), WKV_EARG);
        EXPECT_HAS(wkv_error(), "is no name of a session");
    }
    must(wkv_store_find(&x, s, "book"));
    must(wkv_store_delete(s, &x));
    EXPECT_EQ(wkv_store_delete(s, &x), WKV_EARG);
    EXPECT_HAS(wkv_error(), "session book does not exist");
    EXPECT_EQ(wkv_store_create(&x, s, "book", c, NULL), 0);
    wkv_store_close(s);
}

/* ---- two processes ----------------------------------------------------------------------------------------------- */

/* Both continue the same message: the first save moves the head, the second becomes a branch. */
static void loses_a_race(void)
{
    wkv_store_session x, y;
    fresh();
    make("book", NULL);
    wkv_store *one = opened(), *two = opened();
    wkv_tree *p = loaded(one, &x, "book"), *q = loaded(two, &y, "book");
    turn(p, "Why?");
    turn(q, "Tell me a story.");
    must(wkv_tree_mark(q, "mine", 7));
    const uint64_t bits = bits_at(q, 7);
    char first[32], second[32];
    strcpy(first, wkv_tree_node(p, 7)->id);
    strcpy(second, wkv_tree_node(q, 7)->id);
    EXPECT_EQ(wkv_store_save(one, &x, p), 0);
    EXPECT_EQ(wkv_store_save(two, &y, q), WKV_ECONFLICT);
    EXPECT_HAS(wkv_error(), first);
    EXPECT_HAS(wkv_error(), second);
    turn(q, "And?");
    EXPECT_EQ(wkv_store_save(two, &y, q), WKV_ECONFLICT);
    turn(p, "And?");
    EXPECT_EQ(wkv_store_save(one, &x, p), 0);
    wkv_tree_free(p);
    wkv_tree_free(q);
    p = loaded(one, &x, "book");
    EXPECT_EQ(wkv_tree_count(p), 14);
    EXPECT_EQ(x.turns, 5);
    const int branch = wkv_tree_find(p, second);
    EXPECT(branch > 0 && wkv_tree_find(p, "mine") == branch);
    EXPECT_EQ(bits_at(p, branch), bits);
    EXPECT_EQ(wkv_tree_node(p, wkv_tree_node(p, branch)->parent)->parent, 5);
    wkv_tree_free(p);

    /* a process that only reads, or adds a name, is in no conflict */
    p = loaded(one, &x, "book");
    q = loaded(two, &y, "book");
    must(wkv_tree_mark(q, "late", 3));
    EXPECT_EQ(wkv_store_save(two, &y, q), 0);
    turn(p, "Why?");
    EXPECT_EQ(wkv_store_save(one, &x, p), 0);
    EXPECT_EQ(wkv_store_save(two, &y, q), 0);
    wkv_tree_free(q);
    q = loaded(two, &y, "book");
    EXPECT_EQ(wkv_tree_find(q, "late"), 3);
    EXPECT_STR(wkv_tree_node(q, wkv_tree_head(q))->id, wkv_tree_node(p, wkv_tree_head(p))->id);
    wkv_tree_free(p);
    wkv_tree_free(q);

    /* a session that is deleted meanwhile */
    p = loaded(one, &x, "book");
    must(wkv_store_delete(two, &y));
    turn(p, "Why?");
    EXPECT_EQ(wkv_store_save(one, &x, p), WKV_EARG);
    EXPECT_HAS(wkv_error(), "session book does not exist");
    wkv_tree_free(p);
    wkv_store_close(one);
    wkv_store_close(two);
}

enum { PROCESSES = 3, SAVES = 20 };

/* The test as another process: save the session all the time, with names of its own. */
static int save_names(const char *store, const char *process)
{
    wkv_store_session x;
    wkv_store *s;
    open_model();
    must(wkv_store_open(&s, store, NULL));
    wkv_tree *tree = loaded(s, &x, "book");
    for (int i = 0; i < SAVES; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%s-%d", process, i);
        must(wkv_tree_mark(tree, name, i % 6));
        must(wkv_store_save(s, &x, tree));
    }
    wkv_tree_free(tree);
    wkv_store_close(s);
    close_model();
    return test_bad;
}

/* No save is lost. */
static void loses_no_save(void)
{
    wkv_store_session x;
    child writer[PROCESSES];
    fresh();
    make("book", NULL);
    for (int p = 0; p < PROCESSES; p++) {
        char number[16];
        snprintf(number, sizeof number, "%d", p);
        EXPECT_EQ(process_again(&writer[p], (const char *const[]){where(), number, NULL}), 0);
    }
    for (int p = 0; p < PROCESSES; p++) EXPECT_EQ(process_wait(&writer[p]), 0);
    wkv_store *s = opened();
    wkv_store_messages *all;
    must(wkv_store_find(&x, s, "book"));
    EXPECT_EQ(x.revision, 3 + PROCESSES * SAVES);
    EXPECT_EQ(x.messages, 6);
    must(wkv_store_read(&all, s, &x));
    EXPECT_EQ(all->n_names, PROCESSES * SAVES);
    wkv_store_messages_free(all);
    wkv_store_close(s);
}

/* ---- tenants ----------------------------------------------------------------------------------------------------- */

/* Two tenants at one place know nothing of each other, with the same names and the same states. */
static void keeps_tenants_apart(void)
{
    wkv_store *s[3];
    wkv_store_session x[3], *all;
    wkv_tree *tree;
    int n;
    fresh();
    static const char *const tenants[] = {NULL, "00ff", "00fe"};
    for (int i = 0; i < 3; i++) must(wkv_store_open(&s[i], where(), &(wkv_store_options){.tenant = tenants[i]}));
    for (int i = 0; i < 2; i++) {
        must(wkv_store_create(&x[i], s[i], "book", c, "plain"));
        must(wkv_store_load(&tree, s[i], &x[i], c, t));
        turn(tree, questions[0]);
        must(wkv_store_save(s[i], &x[i], tree));
        wkv_tree_free(tree);
    }
    EXPECT_EQ(wkv_store_find(&x[2], s[1], x[0].id), 0);
    EXPECT_EQ(wkv_store_read(&(wkv_store_messages *){NULL}, s[1], &x[0]), WKV_EARG);
    EXPECT_EQ(wkv_store_list(&all, &n, s[2]), 0);
    EXPECT_EQ(n, 0);
    wkv_store_list_free(all);
    must(wkv_store_delete(s[0], &x[0]));
    must(wkv_store_load(&tree, s[1], &x[1], c, t));
    EXPECT(tree_at(tree, 1)->place.path != NULL);
    wkv_session *p;
    must(wkv_tree_session(&p, tree, 1));
    EXPECT(tree_at(tree, 1)->state && tree_at(tree, 1)->place.path);
    wkv_session_free(p);
    wkv_tree_free(tree);
    for (int i = 0; i < 3; i++) wkv_store_close(s[i]);
    static const char *const bad[] = {"../x", "AB", "x",
                                      "00000000000000000000000000000000000000000000000000000000000000000"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        EXPECT_EQ(wkv_store_open(&s[0], where(), &(wkv_store_options){.tenant = bad[i]}), WKV_EARG);
}

/* ---- damage ------------------------------------------------------------------------------------------------------ */

static void overwrite(const char *path, long at, const char *bytes)
{
    FILE *f = fopen(path, "r+b");
    EXPECT(f && !fseek(f, at, SEEK_SET) && fputs(bytes, f) != EOF && !fclose(f));
}

/* Damage, cut or remove the state of an answer. */
static void harm_file(const wkv_tree *tree, int node, char how)
{
    const char *path = tree_at(tree, node)->place.path;
    if (how == 'd') overwrite(path, 9000, "damage");
    if (how == 'c') EXPECT_EQ(truncate(path, 0), 0);
    if (how == 'r') EXPECT_EQ(remove(path), 0);
}

static void harm(const wkv_tree *tree, int node, char how)
{
    const char *const commands[] = {"SETRANGE wkv::state:%s 9000 damage", "SET wkv::state:%s x", "DEL wkv::state:%s"};
    char command[160];
    if (!in_redis) {
        harm_file(tree, node, how);
        return;
    }
    snprintf(command, sizeof command, commands[how == 'd' ? 0 : how == 'c' ? 1 : 2], tree_at(tree, node)->place.path);
    redis_do(command);
}

/* After each loss, a tree that is loaded anew. */
static void computes_lost_states_again(void)
{
    uint64_t bits[3];
    wkv_store_session x;
    fresh();
    make("book", bits);
    wkv_store *s = opened();
    wkv_tree *tree = loaded(s, &x, "book");
    harm(tree, 5, 'd');
    harm(tree, 3, 'r');
    wkv_tree *other = loaded(s, &x, "book");
    for (int i = 2; i >= 0; i--) EXPECT_EQ(bits_at(other, 2 * i + 1), bits[i]);
    wkv_tree_free(other);
    harm(tree, 1, 'r');
    harm(tree, 5, 'c');
    wkv_tree_free(tree);
    tree = loaded(s, &x, "book");
    for (int i = 2; i >= 0; i--) EXPECT_EQ(bits_at(tree, 2 * i + 1), bits[i]);
    wkv_tree_free(tree);
    wkv_store_close(s);
}

/* Rows that do not agree are refused by name. */
static void refuses_rows(void)
{
    static const struct {
        const char *sql, *says;
    } cases[] = {
        {"UPDATE nodes SET parent = 'msg_none' WHERE seq = 3", "has a parent that is not there"},
        {"UPDATE nodes SET parent = id WHERE seq = 3", "has a parent that is not there"},
        {"UPDATE nodes SET role = 9 WHERE seq = 3", "has no known role"},
        {"UPDATE nodes SET ids = x'010203' WHERE seq = 3", "has a part of an id"},
        {"UPDATE nodes SET ids = x'ffffffff', read = 0 WHERE seq = 6", "is -1; the model's ids are 0 to"},
        {"UPDATE nodes SET read = 100000 WHERE seq = 3", "has read more ids than there are"},
        {"UPDATE nodes SET read = -1 WHERE seq = 3", "has read more ids than there are"},
        {"UPDATE sessions SET head = 'msg_none'", "is the head of its session and is not there"},
        {"INSERT INTO marks VALUES (1, 'a', 'msg_none', 0)", "has a name and is not there"},
        {"INSERT INTO marks SELECT 1, 'a b', id, 0 FROM nodes WHERE seq = 3", "is no name of a node"},
        {"INSERT INTO parts SELECT 1, id, 0, id, 1 FROM nodes WHERE seq = 3", "is a mix of messages that are not"},
        {"UPDATE sessions SET lineage = 'x', sizes = 'RWKV-4'", "session book is of RWKV-4 (built-in); the model"},
        {"DROP TABLE nodes", "is damaged"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wkv_store_session x;
        wkv_tree *tree = (void *)1;
        fresh();
        make("book", NULL);
        wkv_store *s = opened();
        must(wkv_store_find(&x, s, "book"));
        tamper(cases[i].sql);
        const int err = wkv_store_load(&tree, s, &x, c, t);
        EXPECT(err == WKV_EFORMAT || err == WKV_EARG);
        EXPECT(!tree);
        EXPECT_HAS(wkv_error(), cases[i].says);
        wkv_store_close(s);
    }
    /* a state that is no name of a file is none */
    wkv_store_session x;
    fresh();
    make("book", NULL);
    wkv_store *s = opened();
    tamper("UPDATE nodes SET state = '../../../etc/passwd' WHERE state IS NOT NULL");
    wkv_tree *tree = loaded(s, &x, "book");
    EXPECT(!tree_at(tree, 5)->place.path);
    wkv_tree_free(tree);
    wkv_store_close(s);
}

static void refuses_databases(void)
{
    wkv_store *s;
    fresh();
    make("book", NULL);
    tamper("PRAGMA user_version = 2");
    EXPECT_EQ(wkv_store_open(&s, in_folder("store"), NULL), WKV_EUNSUPPORTED);
    EXPECT(!s);
    EXPECT_HAS(wkv_error(), "wkv.db: has schema 2, expected at most 1; a newer wkv wrote it");
    tamper("PRAGMA user_version = 1; PRAGMA application_id = 5");
    EXPECT_EQ(wkv_store_open(&s, in_folder("store"), NULL), WKV_EUNSUPPORTED);
    EXPECT_HAS(wkv_error(), "is the database of another program");
    overwrite(in_folder("store/wkv.db"), 0, "This is a text, not a database.");
    EXPECT_EQ(wkv_store_open(&s, in_folder("store"), NULL), WKV_EFORMAT);
    EXPECT_HAS(wkv_error(), "wkv.db: is damaged (file is not a database); put back a copy");
    EXPECT_EQ(wkv_store_open(&s, in_folder("store/wkv.db"), NULL), WKV_EIO);
    EXPECT_EQ(remove(in_folder("store/wkv.db")), 0);
    EXPECT_EQ(folder_create(in_folder("store/wkv.db"), 0700), 0);
    EXPECT_EQ(wkv_store_open(&s, in_folder("store"), NULL), WKV_EIO);
    EXPECT_EQ(wkv_store_open(&s, "", NULL), WKV_EARG);
}

/* Whatever byte of the database is damaged: a code and a sentence, or the conversation. */
static void survives_damage(void)
{
    size_t size;
    char *whole;
    fresh();
    make("book", NULL);
    must(file_slurp(&whole, &size, in_folder("store/wkv.db")));
    for (int i = 0; i < 150; i++) {
        char *bytes = malloc(size);
        memcpy(bytes, whole, size);
        for (int k = 0; k < 1 + i % 5; k++) {
            const unsigned r = (unsigned)(i * 8 + k) * 2654435761u;
            bytes[r % size] = (char)(r >> 8 ^ (unsigned)i);
        }
        must(file_write(in_folder("store/wkv.db"), bytes, size));
        free(bytes);
        wkv_store *s;
        wkv_store_session x;
        wkv_tree *tree;
        int err = wkv_store_open(&s, in_folder("store"), NULL);
        if (!err && wkv_store_find(&x, s, "book") == 1 && !(err = wkv_store_load(&tree, s, &x, c, t))) {
            wkv_session *p;
            if (!wkv_tree_session(&p, tree, wkv_tree_head(tree))) wkv_session_free(p);
            wkv_tree_free(tree);
        }
        EXPECT(!err || *wkv_error());
        if (!err) wkv_store_gc(s, 0, NULL);
        wkv_store_close(s);
    }
    free(whole);
}

/* ---- read-only, unused files ------------------------------------------------------------------------------------- */

#ifdef _WIN32
static void reads_a_read_only_folder(void) { SKIP("users and rights: of POSIX"); }
#else
/* As another user, who may read the folder and not write it. */
static void reads_a_read_only_folder(void)
{
    uint64_t bits[3];
    wkv_store_session x;
    wkv_store *s;
    char command[256];
    const int root = !geteuid();
    fresh();
    make("book", bits);
    snprintf(command, sizeof command, "chmod 755 %s && chmod -R a+rX,a-w %s", folder, in_folder("store"));
    EXPECT_EQ(system(command), 0);
    if (root && seteuid(65534)) SKIP("the test cannot become another user");
    EXPECT_EQ(wkv_store_open(&s, in_folder("store"), NULL), 0);
    wkv_tree *tree = loaded(s, &x, "book");
    EXPECT_EQ(bits_at(tree, 5), bits[2]);
    EXPECT_EQ(wkv_store_save(s, &x, tree), 0); /* nothing has changed */
    EXPECT_EQ(wkv_tree_go(tree, 3), 0);
    EXPECT_EQ(wkv_store_save(s, &x, tree), WKV_EIO);
    EXPECT_HAS(wkv_error(), "wkv.db: cannot be written: the file or its folder is read-only");
    EXPECT_EQ(wkv_tree_go(tree, 5), 0);
    turn(tree, "Why?");
    EXPECT_EQ(wkv_store_save(s, &x, tree), WKV_EIO);
    EXPECT_HAS(wkv_error(), "cannot be written: Permission denied");
    EXPECT_EQ(wkv_store_create(&x, s, "other", c, NULL), WKV_EIO);
    EXPECT_HAS(wkv_error(), "read-only");
    wkv_tree_free(tree);
    wkv_store_close(s);
    EXPECT_EQ(wkv_store_open(&s, in_folder("store/below"), NULL), WKV_EIO);
    EXPECT_HAS(wkv_error(), "store/below: cannot be created: Permission denied");
    if (root) EXPECT_EQ(seteuid(0), 0);
    snprintf(command, sizeof command, "chmod 700 %s && chmod -R u+w %s", folder, in_folder("store"));
    EXPECT_EQ(system(command), 0);
}
#endif

static void collects_unused_files(void)
{
    static const char *const names[] = {"store/states/new_a.safetensors", "store/states/new_b.safetensors.part-1",
                                        "store/states/aa", NULL};
    char path[512], sha[65];
    int64_t freed;
    fresh();
    make("book", NULL);
    wkv_store *s = opened();
    for (int i = 0; i < 2; i++) write_file(in_folder(names[i]), "12345");
    folder_create(in_folder(names[2]), 0700);
    memset(sha, 'a', 64), sha[64] = 0;
    snprintf(path, sizeof path, "%s/%s.safetensors", in_folder(names[2]), sha);
    write_file(path, "12345");
    write_file(in_folder("store/states/mine.txt"), "12345");
    EXPECT_EQ(states(), 7);
    EXPECT_EQ(wkv_store_gc(s, 3600, &freed), 0);
    EXPECT_EQ(freed, 0);
    EXPECT_EQ(states(), 7);
    struct utimbuf old = {1000000000, 1000000000};
    EXPECT_EQ(utime(path, &old), 0);
    EXPECT_EQ(utime(in_folder(names[0]), &old), 0);
    EXPECT_EQ(wkv_store_gc(s, 3600, &freed), 0);
    EXPECT_EQ(freed, 10);
    EXPECT_EQ(wkv_store_gc(s, 0, &freed), 0);
    EXPECT_EQ(freed, 5);
    EXPECT_EQ(states(), 4);
    EXPECT_EQ(wkv_store_gc(s, -1, NULL), WKV_EARG);
    wkv_store_close(s);
}

/* Another model of the same sizes: one sentence with the difference, and the conversation continues. */
static void compares_models(void)
{
    char difference[256];
    wkv_store_session x;
    wkv_model *other;
    wkv_context *with;
    fresh();
    make("book", NULL);
    wkv_store *s = opened();
    must(wkv_store_find(&x, s, "book"));
    EXPECT_EQ(wkv_store_compare(s, &x, c, difference, sizeof difference), 0);
    EXPECT_STR(difference, "");
    must(wkv_model_open(&other, NULL, &(wkv_model_options){.type = "f32"}));
    must(wkv_context_new(&with, other, NULL));
    EXPECT_EQ(wkv_store_compare(s, &x, with, difference, sizeof difference), 0);
    EXPECT_HAS(difference, "with weights of type");
    wkv_context_free(with);
    wkv_model_close(other);
    wkv_store_close(s);
}

static void cases_of_every_store(void)
{
    RUN(continues);
    RUN(stops_at_a_question);
    RUN(keeps_branches);
    RUN(keeps_an_origin);
    RUN(lists_and_finds);
    RUN(loses_a_race);
    RUN(loses_no_save);
    RUN(keeps_tenants_apart);
    RUN(computes_lost_states_again);
    RUN(compares_models);
}

int main(int n, char **words)
{
    if (n > 2) return save_names(words[1], words[2]);
    folder_begin("store");
    open_model();
    cases_of_every_store();
    RUN(is_private);
    RUN(refuses_rows);
    RUN(refuses_databases);
    RUN(survives_damage);
    RUN(reads_a_read_only_folder);
    RUN(collects_unused_files);
    if ((in_redis = redis_start(NULL, NULL))) {
        printf("     in Redis:\n");
        cases_of_every_store();
        redis_stop();
    } else
        printf("skip the store in Redis: %s\n", redis_refusal), test_skipped++;
    close_model();
    folder_end();
    return DONE();
}
