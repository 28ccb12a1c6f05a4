// Zones by their names: what a name may be, what is read once, and what is not there.
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/zone_file.h"

static const struct zone *load(struct zone_table *table, const char *name)
{
    const struct zone *zone = NULL;
    struct status_failure failure = {0};
    assert_int_equal(zone_load(table, slice_text(name), &zone, &failure), STATUS_OK);
    assert_non_null(zone);
    return zone;
}

static void assert_unknown(struct zone_table *table, const char *name)
{
    const struct zone *zone = NULL;
    struct status_failure failure = {0};
    assert_int_equal(zone_load(table, slice_text(name), &zone, &failure), STATUS_INVALID_ARGUMENT);
    assert_non_null(strstr(failure.message, "one of the files below /"));
    assert_null(zone);
}

static void names_cannot_lead_out_of_the_directory(void **state)
{
    (void)state;
    static const char *const good[] = {"UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+12",
                                       "Etc/GMT-14"};
    static const char *const bad[] = {"",
                                      "/",
                                      "/etc/passwd",
                                      "..",
                                      "../shadow",
                                      "Europe/../../shadow",
                                      "Europe/",
                                      "Europe//Berlin",
                                      "zone.tab",
                                      "Europe/Berlin\n",
                                      "Europe Berlin",
                                      "+02:00",
                                      "a234567890123456789012345678901234567890123456789012345678901234x"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(zone_name_is_valid(slice_text(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(zone_name_is_valid(slice_text(bad[i])));
    assert_false(zone_name_is_valid(slice_make("UTC\0x", 5)));
}

static void what_is_no_zone_is_unknown(void **state)
{
    (void)state;
    struct zone_table *table = zone_table_new(NULL, NULL);
    static const char *const unknown[] = {"Europe/Atlantis", "Europe", "leapseconds", "../zoneinfo/UTC", ""};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        assert_unknown(table, unknown[i]);
    zone_table_free(table);
}

static void a_zone_is_read_once(void **state)
{
    (void)state;
    char directory[] = "/tmp/postern-zones-XXXXXX", path[64];
    struct zone_image image;
    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof path, "%s/Test", directory);
    struct zone_table *table = zone_table_new(directory, NULL);
    assert_unknown(table, "Test"); // is not kept as unknown
    zone_image_make(&image, "XYZ-3");
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(image.bytes, 1, image.size, file), image.size);
    fclose(file);
    const struct zone *zone = load(table, "Test"), *found = NULL;
    assert_int_equal(unlink(path), 0);
    assert_ptr_equal(load(table, "Test"), zone);
    assert_true(zone_find(table, slice_text("Test"), &found));
    assert_ptr_equal(found, zone);
    zone_table_free(table);
    table = zone_table_new(directory, NULL); // another run, without the file
    assert_false(zone_find(table, slice_text("Test"), &found));
    file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(image.bytes, 1, image.size, file), image.size);
    fclose(file);
    assert_false(zone_find(table, slice_text("Test"), &found)); // no decision looks again
    assert_non_null(load(table, "Test"));                       // but who asks for it does
    assert_true(zone_find(table, slice_text("Test"), &found));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0); // would be waited for
    zone_table_free(table);
    table = zone_table_new(directory, NULL);
    assert_unknown(table, "Test");
    zone_table_free(table);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(directory), 0);
}

static void offsets_are_found_by_their_names(void **state)
{
    (void)state;
    struct zone_table *table = zone_table_new(NULL, NULL);
    static const struct {
        const char *name;
        int32_t offset_s;
    } good[] = {{"+02:00", 7200}, {"-03:30", -12600}, {"+00:00", 0}, {"+14:00", 50400}};
    static const char *const bad[] = {"+2:00",  "02:00:", "+99:00", "+02:99", "+02-00", "nonsense",
                                      "+ 2:00", "+02: 0", "++2:00", "+02:+0", "+2:000", "-00:00"};
    const struct zone *zone = NULL;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(zone_find(table, slice_text(good[i].name), &zone));
        assert_int_equal(zone_at(zone, 0).offset_s, good[i].offset_s);
        assert_string_equal(zone_name(zone), good[i].name);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(zone_find(table, slice_text(bad[i]), &zone));
    assert_true(zone_find(table, slice_text(ZONE_UTC), &zone));
    assert_null(zone);
    assert_true(
        zone_find(table, slice_text("UTC"), &zone)); // an account may have it where the installation's is another
    assert_non_null(zone);
    zone_table_free(table);
}

static void a_full_table_refuses_another_zone(void **state)
{
    (void)state;
    char name[32];
    const struct zone *zone = NULL;
    struct status_failure failure = {0};
    struct zone_table *table = zone_table_new(NULL, NULL);
    for (unsigned i = 0; i < ZONE_KEPT_MAX; i++) { // as missing
        (void)snprintf(name, sizeof name, "Test/Zone%u", i);
        assert_false(zone_find(table, slice_text(name), &zone));
    }
    assert_int_equal(zone_load(table, slice_text("Europe/Berlin"), &zone, &failure), STATUS_RESOURCE_EXHAUSTED);
    assert_false(zone_find(table, slice_text("Europe/Berlin"), &zone));
    zone_table_free(table);
}

struct seeker {
    struct zone_table *table;
    const struct zone *found[3];
};

static void *seek(void *argument)
{
    static const char *const names[] = {"Europe/Berlin", "America/New_York", "Asia/Tokyo"};
    struct seeker *seeker = argument;
    for (size_t i = 0; i < 3000; i++)
        assert_true(zone_find(seeker->table, slice_text(names[i % 3]), &seeker->found[i % 3]));
    return NULL;
}

static void threads_find_the_same_zones(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    struct seeker seekers[THREADS];
    struct zone_table *table = zone_table_new(NULL, NULL);
    for (size_t i = 0; i < THREADS; i++) {
        seekers[i].table = table;
        assert_int_equal(pthread_create(&threads[i], NULL, seek, &seekers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (size_t i = 0; i < 3; i++)
        for (size_t n = 1; n < THREADS; n++)
            assert_ptr_equal(seekers[n].found[i], seekers[0].found[i]);
    zone_table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_cannot_lead_out_of_the_directory),
        cmocka_unit_test(what_is_no_zone_is_unknown),
        cmocka_unit_test(a_zone_is_read_once),
        cmocka_unit_test(offsets_are_found_by_their_names),
        cmocka_unit_test(a_full_table_refuses_another_zone),
        cmocka_unit_test(threads_find_the_same_zones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
