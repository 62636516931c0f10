"""Who asked that their data is not used, and who says that they are a child."""

from django.db import migrations, models


# Traits come by the API, by Segment, by webhooks and by files: one place reads what they say of somebody's age.
# A birth date wins over an age in years, which is taken as the youngest that it can mean.
FORWARDS = """
CREATE FUNCTION customers_read_age() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE said text; flag text;
BEGIN
    said := substring(coalesce(NEW.traits ->> 'birthday', NEW.traits ->> 'birthdate',
        NEW.traits ->> 'birth_date', NEW.traits ->> 'date_of_birth', NEW.traits ->> 'dateOfBirth')
        FROM '^[0-9]{4}-[0-9]{2}-[0-9]{2}');
    NEW.born_on := NULL;
    BEGIN
        NEW.born_on := said::date;
    EXCEPTION WHEN datetime_field_overflow OR invalid_datetime_format THEN NULL;
    END;
    IF NEW.born_on IS NULL AND NEW.traits ->> 'age' ~ '^[0-9]{1,3}([.][0-9]+)?$' THEN
        NEW.born_on := (NEW.arrived_at - make_interval(years => floor((NEW.traits ->> 'age')::numeric)::int + 1))::date + 1;
    END IF;
    flag := lower(coalesce(NEW.traits ->> 'is_minor', NEW.traits ->> 'isMinor',
        NEW.traits ->> 'under_age', NEW.traits ->> 'is_child'));
    NEW.is_minor := CASE WHEN flag IN ('true', 'yes', '1') THEN true
                         WHEN flag IN ('false', 'no', '0') THEN false END;
    RETURN NEW;
END $$;
CREATE TRIGGER read_age_of_new BEFORE INSERT ON customers_customer FOR EACH ROW
    WHEN (NEW.traits ?| array['birthday', 'birthdate', 'birth_date', 'date_of_birth', 'dateOfBirth',
                              'age', 'is_minor', 'isMinor', 'under_age', 'is_child'])
    EXECUTE FUNCTION customers_read_age();
CREATE TRIGGER read_age BEFORE UPDATE OF traits ON customers_customer FOR EACH ROW
    WHEN (OLD.traits IS DISTINCT FROM NEW.traits AND (NEW.traits <> '{}' OR OLD.born_on IS NOT NULL
          OR OLD.is_minor IS NOT NULL))
    EXECUTE FUNCTION customers_read_age();
"""
BACKWARDS = """
DROP TRIGGER read_age ON customers_customer;
DROP TRIGGER read_age_of_new ON customers_customer;
DROP FUNCTION customers_read_age();
"""


class Migration(migrations.Migration):
    dependencies = [("customers", "0010_may_see_addresses")]
    operations = [
        migrations.AddField(
            model_name="customer",
            name="restricted_at",
            field=models.DateTimeField(
                blank=True,
                help_text="Since then kept and not used; see consent.desk.restricting.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="customer",
            name="born_on",
            field=models.DateField(blank=True, help_text="As declared, in the traits.", null=True),
        ),
        migrations.AddField(
            model_name="customer",
            name="is_minor",
            field=models.BooleanField(
                blank=True, help_text="As declared, in the traits.", null=True
            ),
        ),
        migrations.AddField(
            model_name="customer",
            name="is_under_age",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Younger than COTERIE_AGE_OF_CONSENT by what was declared; see consent.ages.",
            ),
        ),
        migrations.AddIndex(
            model_name="customer",
            index=models.Index(
                condition=models.Q(
                    ("restricted_at__isnull", False), ("is_under_age", True), _connector="OR"
                ),
                fields=["id"],
                name="customer_held",
            ),
        ),
        migrations.AddIndex(
            model_name="customer",
            index=models.Index(
                condition=models.Q(
                    ("born_on__isnull", False), ("is_minor__isnull", False), _connector="OR"
                ),
                fields=["born_on"],
                name="customer_declared_age",
            ),
        ),
        migrations.RunSQL(FORWARDS, BACKWARDS),
    ]
